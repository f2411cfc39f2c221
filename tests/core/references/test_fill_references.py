"""Evidence that a document cites is filled in before signing, or has to hold if it is there already."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import dcmread

import dcmseal
from dcmseal import tags
from dcmseal.errors import DatasetError, NotSignable, UsageError
from dcmseal.model.verdict import Verdict
from tests.core.references.reference_study import FIRST, SECOND, ReferenceStudy, read_references, sign_both
from tests.support import builder as b
from tests.support import tags as t
from tests.support.cited_evidence import (
    make_citation,
    make_document,
    make_evidence_sequence,
    make_mac_reference,
    pydicom_document,
)
from tests.support.oracle_removal import remove_signature
from tests.support.real_files import FileKind, RealFile, find_files
from tests.support.signed_files import build_signer, sign_dataset


@pytest.mark.parametrize("kind", ["SR", "verified SR", "key objects"])
def test_signatures_are_cited_and_where_there_is_none_the_mac(study: ReferenceStudy, kind: str) -> None:
    result = study.sign(sign_both(kind=kind))
    first, second = read_references(result)
    instance = (study.folder / "first.dcm").read_bytes()
    expected = dcmread(BytesIO(b.file([make_mac_reference(instance)])), force=True).ReferencedSOPInstanceMACSequence[0]
    assert first.ReferencedSOPInstanceMACSequence[0] == expected
    assert "ReferencedDigitalSignatureSequence" not in first
    (signature,) = dcmread(study.folder / "below/second.dcm").DigitalSignaturesSequence
    (copy,) = second.ReferencedDigitalSignatureSequence
    assert (copy.DigitalSignatureUID, copy.Signature) == (signature.DigitalSignatureUID, signature.Signature)
    assert "ReferencedSOPInstanceMACSequence" not in second
    report = study.verify(result)
    assert report.verdict is Verdict.VALID
    assert [(each.code, each.where) for each in report.references] == [
        ("reference-verified", FIRST),
        ("reference-verified", SECOND),
    ]


def test_a_signature_over_a_part_is_cited_together_with_the_mac(study: ReferenceStudy) -> None:
    study.put("first.dcm", sign_dataset(b.file(b.image(instance=FIRST)), study.pki["p256"], tags=["PatientID"]))
    result = study.sign(sign_both())
    assert {"ReferencedDigitalSignatureSequence", "ReferencedSOPInstanceMACSequence"} <= set(
        read_references(result)[0].dir()
    )
    assert study.codes(result) == ["reference-verified"] * 2


def test_a_signature_that_does_not_hold_is_not_cited(study: ReferenceStudy) -> None:
    study.put("first.dcm", sign_dataset(b.file(b.image(instance=FIRST)), study.pki["p256"]).replace(b"4711", b"0815"))
    with dcmseal.plan_signing(sign_both(), references=[study.folder]) as plan:
        assert [each.code for each in plan.warnings] == ["cited-signature-broken"]
        assert (plan.references[0].signatures, plan.references[0].has_mac) == ((), True)


def test_excess_padding_of_an_instance_is_reported(study: ReferenceStudy) -> None:
    study.put("first.dcm", b.file(b.image(b.text(t.STUDY_DESCRIPTION, "LO", "brain   "), instance=FIRST)))
    with dcmseal.plan_signing(sign_both(), references=[study.folder]) as plan:
        assert [each.code for each in plan.warnings] == ["cited-padded"]


@pytest.mark.parametrize("undefined", [False, True], ids=["lengths", "delimiters"])
@pytest.mark.parametrize("group_lengths", [False, True], ids=["", "group lengths"])
@pytest.mark.parametrize("syntax", b.NATIVE_SYNTAXES, ids=lambda syntax: syntax.uid)
def test_every_other_byte_stays(study: ReferenceStudy, syntax: b.Syntax, group_lengths: bool, undefined: bool) -> None:
    instance = (study.folder / "first.dcm").read_bytes()
    other = study.put("other.dcm", b.file(b.image(instance="1.2.9")))

    def nodes(*said: b.Node) -> tuple[b.Node, ...]:
        """A document that says something of another instance already, and has more elements behind what comes in."""
        items = (
            make_citation("1.2.9", make_mac_reference(other)),
            make_citation(FIRST, *said, b.text(0x04000565, "CS", "COERCE")),
        )
        made = make_document(
            make_evidence_sequence(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, *items, undefined=undefined)
        )
        return b.with_group_lengths(made, syntax) if group_lengths else made

    result = study.sign(b.file(nodes(), syntax))
    signature = dcmseal.signatures(result)[0]
    assert signature.content.mac_id is not None
    _, body = remove_signature(result, signature.uid, signature.content.mac_id)
    # as a value, what comes in has no group lengths inside
    header = 8 if syntax.implicit else 12
    said = b.Value(
        tags.REFERENCED_SOP_INSTANCE_MAC_SEQUENCE, "SQ", b.encode([make_mac_reference(instance)], syntax)[header:]
    )
    assert body == b.encode(nodes(said), syntax)
    assert study.verify(result).verdict is Verdict.VALID


INSTANCES = [
    each
    for each in find_files(FileKind.IMPLICIT, FileKind.BIG_ENDIAN, FileKind.DEFLATED, FileKind.JPEG, FileKind.RLE)
    if not each.dcmsign and "SOPClassUID" in dcmread(each.path, force=True)
]


@pytest.mark.parametrize("source", INSTANCES, ids=str)
def test_instances_in_any_transfer_syntax(study: ReferenceStudy, source: RealFile) -> None:
    study.put("real.dcm", source.data)
    instance = dcmread(BytesIO(source.data), force=True)
    signing = dcmseal.sign(
        pydicom_document([instance]), signer=build_signer(study.pki["rsa2048"]), references=[study.folder]
    )
    assert signing.data is not None
    codes = study.codes(signing.data)
    assert codes[0] == "reference-verified"
    # pixels and names without VRs cannot be protected: signing warns
    is_open = "reference-shown-uncovered" in codes
    assert is_open == (source.path.name == "rtdose_rle.dcm")
    assert is_open == ("cited-shown-uncovered" in {each.code for each in signing.warnings})
    assert study.verify(signing.data).verdict is (Verdict.NOT_ESTABLISHED if is_open else Verdict.VALID)


@pytest.mark.parametrize("key_objects", [False, True], ids=["report", "key objects"])
def test_documents_of_pydicom_are_signed_in_place(study: ReferenceStudy, key_objects: bool) -> None:
    instances = [dcmread(path) for path in (study.folder / "first.dcm", study.folder / "below/second.dcm")]
    dataset = dcmread(BytesIO(pydicom_document(instances, key_objects=key_objects)))
    dcmseal.sign(dataset, signer=build_signer(study.pki["rsa2048"]), references=[study.folder])
    written = BytesIO()
    dataset.save_as(written)
    for source in (dataset, written.getvalue()):
        report = dcmseal.verify(source, integrity_only=True, references=[study.folder])
        assert (report.verdict, len(report.references)) == (Verdict.VALID, 2)


def test_references_that_are_there_already_have_to_hold_and_stay(study: ReferenceStudy) -> None:
    instance = (study.folder / "first.dcm").read_bytes()
    half_done = b.file(
        make_document(
            make_evidence_sequence(
                tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
                make_citation(FIRST, make_mac_reference(instance)),
                make_citation(SECOND),
            )
        )
    )
    with dcmseal.plan_signing(half_done, references=[study.folder]) as plan:
        assert [each.was_present for each in plan.references] == [True, False]
    assert study.codes(study.sign(half_done)) == ["reference-verified"] * 2
    study.put("first.dcm", b.file(b.image(instance=FIRST, pixels=bytes(16))))
    with pytest.raises(DatasetError, match=r"existing reference to instance .* MAC differs"):
        study.sign(half_done)


@pytest.mark.parametrize("tags", [None, [tags.PERTINENT_OTHER_EVIDENCE_SEQUENCE], [t.CONTENT_SEQUENCE]])
def test_a_signature_that_is_there_is_not_broken(study: ReferenceStudy, tags: list[int] | None) -> None:
    before = sign_dataset(sign_both(), study.pki["p256"], tags=tags)
    if tags == [t.CONTENT_SEQUENCE]:
        assert study.verify(study.sign(before)).verdict is Verdict.VALID
    else:
        with pytest.raises(DatasetError, match="would break the existing signature"):
            study.sign(before)


def test_a_second_signature_needs_nothing_filled_in(study: ReferenceStudy) -> None:
    twice = study.sign(study.sign(sign_both()))
    report = study.verify(twice)
    assert (report.verdict, len(report.signatures)) == (Verdict.VALID, 2)


def test_requests_that_cannot_be_met_are_refused(study: ReferenceStudy) -> None:
    with pytest.raises(DatasetError, match="does not cite any evidence"):
        study.sign(b.file(b.image()))
    with pytest.raises(UsageError, match="PertinentOtherEvidenceSequence"):
        study.sign(sign_both(), tags=["PatientName", tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE])
    with pytest.raises(UsageError, match="main data set"):
        study.sign(sign_both(), location="ContentSequence[0]")
    with pytest.raises(DatasetError, match="cites itself"):
        study.sign(
            b.file(
                make_document(
                    make_evidence_sequence(
                        tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, make_citation("1.2.3.4.11")
                    )
                )
            )
        )
    with pytest.raises(NotSignable, match="0040,A375"):
        study.sign(
            b.file(
                make_document(
                    make_evidence_sequence(
                        tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
                        make_citation(FIRST, b.Value(0x04010001, "UN", b"??")),
                    )
                )
            )
        )
    with pytest.raises(DatasetError, match="cannot be read"):
        study.sign(
            b.file(
                make_document(
                    make_evidence_sequence(
                        tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
                        make_citation(FIRST, b.Sequence(tags.REFERENCED_SOP_INSTANCE_MAC_SEQUENCE)),
                    )
                )
            )
        )
    with pytest.raises(UsageError, match="does not exist"):
        sign_dataset(sign_both(), study.pki["p256"], references=[study.folder / "nowhere"])


def test_one_folder_may_be_given_by_itself(study: ReferenceStudy) -> None:
    data = sign_dataset(sign_both(), study.pki["p256"], references=str(study.folder))
    assert len(dcmseal.verify(data, integrity_only=True, references=study.folder).references) == 2
