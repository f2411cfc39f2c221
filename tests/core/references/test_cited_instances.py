"""References of a document are compared with the instances: changes are found, and undecidable cases are reported."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import dcmread

import dcmseal
from dcmseal import tags
from dcmseal.errors import DatasetError, InstanceAmbiguous, InstanceNotFound
from dcmseal.findings import Outcome
from dcmseal.model.verdict import Verdict
from dcmseal.tags import format_tag
from tests.core.references.reference_study import FIRST, SECOND, ReferenceStudy, read_references, sign_both
from tests.support import builder as b
from tests.support import tags as t
from tests.support.cited_evidence import (
    make_citation,
    make_document,
    make_evidence_sequence,
    make_mac_reference,
    make_signature_reference,
)
from tests.support.signed_files import sign_dataset


def test_several_references_may_cover_an_instance_together(study: ReferenceStudy) -> None:
    """A MAC over one part and a signature over the other leave nothing that could be added."""
    original = sign_dataset(b.file(b.image(instance=FIRST)), study.pki["p256"], tags=["PatientName", "Rows"])
    study.put("first.dcm", original)
    signature = dcmseal.signatures(original)[0]
    by_part = make_signature_reference((signature.uid, signature.content.value))
    everything = [node.tag for node in b.image(instance=FIRST) if isinstance(node, b.Value)]
    rest = make_mac_reference(original, elements=[tag for tag in everything if tag not in (t.PATIENT_NAME, tags.ROWS)])
    assert study.reference_codes(by_part, rest) == ["reference-verified"]
    assert study.reference_codes(by_part) == [
        "reference-verified",
        "reference-shown-uncovered",
        "reference-covers-part",
    ]


def test_a_signature_over_an_item_does_not_cover_the_rest(study: ReferenceStudy) -> None:
    nested = b.Sequence(
        t.REFERENCED_IMAGE_SEQUENCE,
        (b.Item((b.uid(t.REFERENCED_SOP_CLASS_UID, "1.2"), b.uid(tags.REFERENCED_SOP_INSTANCE_UID, "1.2.3"))),),
    )
    original = sign_dataset(
        b.file(b.image(nested, instance=FIRST)), study.pki["p256"], location="ReferencedImageSequence[0]"
    )
    study.put("first.dcm", original)
    (signature,) = dcmseal.signatures(original)
    assert "reference-shown-uncovered" in study.reference_codes(
        make_signature_reference((signature.uid, signature.content.value))
    )


def test_a_signature_more_changes_nothing(study: ReferenceStudy) -> None:
    result = study.sign(sign_both())
    for name in ("first.dcm", "below/second.dcm"):
        study.put(name, sign_dataset((study.folder / name).read_bytes(), study.pki["rsa2048"]))
    assert study.codes(result) == ["reference-verified"] * 2


def test_a_signature_that_is_gone_or_another_is_found(study: ReferenceStudy) -> None:
    result = study.sign(sign_both())
    path = study.folder / "below/second.dcm"
    dcmseal.remove(path, in_place=True)
    report = study.verify(result)
    assert [each.code for each in report.references] == ["reference-verified", "reference-signature-gone"]
    assert report.verdict is Verdict.NOT_ESTABLISHED
    uid_of_it = read_references(result)[1].ReferencedDigitalSignatureSequence[0].DigitalSignatureUID
    dataset = dcmread(BytesIO(sign_dataset(path.read_bytes(), study.pki["p256"])))
    dataset.DigitalSignaturesSequence[0].DigitalSignatureUID = uid_of_it
    dataset.save_as(path)
    assert study.codes(result)[1] == "reference-changed"


def test_an_invalidated_signature_is_not_accepted_for_a_reference(study: ReferenceStudy) -> None:
    result = study.sign(sign_both())
    path = study.folder / "below/second.dcm"
    dataset = dcmread(path)
    dataset.MACParametersSequence.append(dataset.MACParametersSequence[0])
    dataset.save_as(path)
    assert study.codes(result)[1] == "reference-signature-not-intact"


def test_one_signature_over_all_is_enough_and_one_over_a_part_is_not(study: ReferenceStudy) -> None:
    path = study.folder / "below/second.dcm"
    for covered, code in ((None, "reference-verified"), (["PatientID"], "reference-signature-gone")):
        plain = b.file(b.image(instance=SECOND))
        study.put(
            "below/second.dcm", sign_dataset(sign_dataset(plain, study.pki["p256"]), study.pki["rsa2048"], tags=covered)
        )
        result = study.sign(sign_both())
        first, _ = dcmseal.signatures(path)
        dcmseal.remove(path, uids=[first.uid], in_place=True)
        assert study.codes(result)[1] == code


def test_missing_and_repeated_instances_are_reported(study: ReferenceStudy) -> None:
    result = study.sign(sign_both())
    study.put("copy.dcm", (study.folder / "first.dcm").read_bytes())
    assert study.codes(result)[0] == "reference-verified"
    study.put("copy.dcm", b.file(b.image(instance=FIRST, pixels=bytes(16))))
    (study.folder / "below/second.dcm").unlink()
    report = study.verify(result)
    assert [each.code for each in report.references] == ["reference-ambiguous", "reference-missing"]
    assert {each.outcome for each in report.references} == {Outcome.UNKNOWN}
    assert report.verdict is Verdict.NOT_ESTABLISHED
    with pytest.raises(InstanceAmbiguous, match=r"copy\.dcm and .*first\.dcm"):
        study.sign(
            b.file(
                make_document(
                    make_evidence_sequence(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, make_citation(FIRST))
                )
            )
        )
    with pytest.raises(InstanceNotFound, match=SECOND):
        study.sign(
            b.file(
                make_document(
                    make_evidence_sequence(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, make_citation(SECOND))
                )
            )
        )


def test_an_instance_cut_short_is_unreadable(study: ReferenceStudy) -> None:
    result = study.sign(sign_both())
    study.put("first.dcm", (study.folder / "first.dcm").read_bytes()[:-8])
    assert study.codes(result)[0] == "reference-unreadable"
    with pytest.raises(DatasetError):
        study.sign(sign_both())


def test_references_that_are_bare_or_unsigned_are_not_verified(study: ReferenceStudy) -> None:
    plain = sign_dataset(sign_both(), study.pki["rsa2048"])
    assert study.codes(plain) == ["reference-unprotected"] * 2
    assert study.verify(plain).verdict is Verdict.NOT_ESTABLISHED
    instance = (study.folder / "first.dcm").read_bytes()
    data = b.file(
        make_document(
            make_evidence_sequence(
                tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, make_citation(FIRST, make_mac_reference(instance))
            )
        )
    )
    unsigned = sign_dataset(data, study.pki["rsa2048"], tags=["PatientName"])
    report = study.verify(unsigned)
    assert [(each.code, each.where) for each in report.references] == [
        ("reference-verified", FIRST),
        ("reference-unsigned", format_tag(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE)),
    ]
    assert report.verdict is Verdict.NOT_ESTABLISHED


def test_a_document_without_references_has_no_findings_about_them(study: ReferenceStudy) -> None:
    report = study.verify(sign_dataset(b.file(b.image()), study.pki["p256"]))
    assert (report.references, report.verdict) == ((), Verdict.VALID)
    assert dcmseal.verify(study.sign(sign_both()), integrity_only=True).references == ()


def edit_mac_reference(study: ReferenceStudy, tag: int, node: b.Node | None) -> b.Sequence:
    """A reference to FIRST with one element changed."""
    made = make_mac_reference((study.folder / "first.dcm").read_bytes())
    kept = [each for each in made.items[0].elements if isinstance(each, b.Value) and each.tag != tag]
    return replace(made, items=(b.Item(b.in_order(*kept, *([node] if node else []))),))


def test_references_that_cannot_be_compared_with_an_instance_are_reported(study: ReferenceStudy) -> None:
    for tag, node, code in (
        (tags.MAC_ALGORITHM, b.text(tags.MAC_ALGORITHM, "CS", "SHA257"), "reference-mac-unusable"),
        (
            tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID,
            b.uid(tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID, "1.2.840.10008.1.2"),
            "reference-mac-unusable",
        ),
        (
            tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID,
            b.uid(tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID, "1.2.840.10008.1.2.4.50"),
            "reference-other-representation",
        ),
        (tags.MAC, None, "reference-malformed"),
        (tags.DATA_ELEMENTS_SIGNED, None, "reference-malformed"),
    ):
        assert study.reference_codes(edit_mac_reference(study, tag, node)) == [code], code


def test_malformed_references_are_reported(study: ReferenceStudy) -> None:
    good = make_mac_reference((study.folder / "first.dcm").read_bytes())
    empty = make_signature_reference(("1.2.3", b""))
    for said in (
        [replace(good, items=good.items * 2)],
        [replace(good, items=())],
        [make_signature_reference()],
        [empty],
        [b.Value(tags.REFERENCED_SOP_INSTANCE_MAC_SEQUENCE, "OB", b"??")],
    ):
        assert set(study.reference_codes(*said)) - {"reference-unsigned"} == {"reference-malformed"}, said
    codes = study.codes(
        sign_dataset(
            b.file(
                make_document(
                    make_evidence_sequence(
                        tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, *[make_citation(FIRST, good)] * 9
                    )
                )
            ),
            study.pki["p256"],
        )
    )
    assert codes == ["reference-verified"] * 8 + ["reference-malformed"]
    no_sequence = b.file(make_document(b.Value(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, "OB", b"????")))
    assert study.codes(sign_dataset(no_sequence, study.pki["p256"])) == ["reference-malformed"]
