"""dcmsign accepts documents whose evidence was filled in, and finds the profile of signed reports met."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

import dcmseal
from dcmseal import tags
from dcmseal.model.verdict import Verdict
from tests.support import builder as b
from tests.support.cited_evidence import make_citation, make_document, make_evidence_sequence, pydicom_document
from tests.support.dcmsign import Dcmtk
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.signed_files import build_signer, sign_dataset


@pytest.fixture
def study(tmp_path: Path, pki: Pki) -> Path:
    """Instances with and without signatures: our own, real ones, and one that dcmsign will sign."""
    study = tmp_path / "study"
    study.mkdir()
    for name in ("CT_small.dcm", "MR_small_implicit.dcm", "JPEG-lossy.dcm"):
        (study / name).write_bytes(real_file(name).data)
    (study / "signed.dcm").write_bytes(sign_dataset(b.file(b.image(instance="1.2.3.4.2")), pki["p256"]))
    (study / "plain.dcm").write_bytes(b.file(b.image(instance="1.2.3.4.1")))
    return study


@pytest.mark.parametrize("key_objects", [False, True], ids=["report", "key objects"])
def test_dcmsign_accepts_a_document_of_pydicom(
    dcmsign: Dcmtk, pki: Pki, study: Path, tmp_path: Path, *, key_objects: bool
) -> None:
    data = pydicom_document([dcmread(path) for path in sorted(study.iterdir())], key_objects=key_objects)
    target = tmp_path / "signed.dcm"
    dcmseal.sign(
        data,
        signer=build_signer(pki["rsa2048"]),
        profile="basic-sr-signatures",
        purpose="author",
        references=[study],
        output=target,
    )
    assert dcmsign.verify(target, trust=pki.trust, require=["sr"]).ok
    report = dcmseal.verify(target, integrity_only=True, references=[study], require=["basic-sr-signatures"])
    assert (report.verdict, len(report.references)) == (Verdict.VALID, 5)


@pytest.mark.parametrize("undefined", [False, True], ids=["lengths", "delimiters"])
@pytest.mark.parametrize("syntax", b.NATIVE_SYNTAXES, ids=lambda syntax: syntax.uid)
def test_dcmsign_accepts_documents_in_any_encoding(
    dcmsign: Dcmtk, pki: Pki, study: Path, tmp_path: Path, syntax: b.Syntax, *, undefined: bool
) -> None:
    current = make_evidence_sequence(
        tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
        make_citation("1.2.3.4.1"),
        make_citation("1.2.3.4.2"),
        undefined=undefined,
    )
    other = make_evidence_sequence(
        tags.PERTINENT_OTHER_EVIDENCE_SEQUENCE,
        make_citation(dcmread(study / "CT_small.dcm").SOPInstanceUID),
        undefined=undefined,
    )
    target = tmp_path / "signed.dcm"
    data = b.file(make_document(current, other), syntax)
    dcmseal.sign(data, signer=build_signer(pki["p256"]), references=[study], output=target)
    assert dcmsign.verify(target, trust=pki.trust).ok


def test_signatures_of_dcmsign_are_cited_and_verified(dcmsign: Dcmtk, pki: Pki, study: Path) -> None:
    identity = pki["rsa2048"]
    plain, theirs = study / "plain.dcm", study / "theirs.dcm"
    uid = dcmsign.sign(plain, theirs, identity.key_pem, identity.certificate_pem)
    plain.unlink()
    result = sign_dataset(
        b.file(
            make_document(
                make_evidence_sequence(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, make_citation("1.2.3.4.1"))
            )
        ),
        identity,
        references=[study],
    )
    (item,) = (
        dcmread(BytesIO(result))[tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE][0]
        .ReferencedSeriesSequence[0]
        .ReferencedSOPSequence
    )
    assert [each.DigitalSignatureUID for each in item.ReferencedDigitalSignatureSequence] == [uid]
    assert "ReferencedSOPInstanceMACSequence" not in item
    codes = [each.code for each in dcmseal.verify(result, references=[study]).references]
    assert codes == ["reference-verified"]


def test_a_document_signed_by_dcmsign_with_our_references_is_verified(
    dcmsign: Dcmtk, pki: Pki, study: Path, tmp_path: Path
) -> None:
    identity = pki["rsa2048"]
    ours, without, theirs = tmp_path / "ours.dcm", tmp_path / "without.dcm", tmp_path / "theirs.dcm"
    data = b.file(
        make_document(
            make_evidence_sequence(
                tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
                make_citation("1.2.3.4.1"),
                make_citation("1.2.3.4.2"),
            )
        )
    )
    dcmseal.sign(data, signer=build_signer(identity), references=[study], output=ours)
    dcmseal.remove(ours, output=without)
    dcmsign.sign(without, theirs, identity.key_pem, identity.certificate_pem, profile="sr", purpose=1)
    report = dcmseal.verify(theirs, integrity_only=True, references=[study])
    assert report.verdict is Verdict.VALID
    assert [each.code for each in report.references] == ["reference-verified"] * 2
