"""The verdict of a file is about the object; what of it is protected is counted and named, alike everywhere."""

from __future__ import annotations

from typing import Final

import pytest

import dcmseal
from dcmseal import tags
from dcmseal.findings import Outcome
from dcmseal.model.coverage_map import format_gaps
from dcmseal.model.report import CoverageGap, ObjectCoverage, VerificationReport
from dcmseal.model.verdict import Verdict
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.signed_files import sign_dataset, verify_integrity

INNER: Final = "ReferencedImageSequence[0]"
EVIL: Final = (b.text(t.PATIENT_NAME, "PN", "Evil^Eve"), b.Value(tags.PIXEL_DATA, "OW", b"\xff" * 16))


def wrapped(tag: int, data: bytes) -> bytes:
    """A file around a signed data set, which becomes an item of it."""
    start = data.index(b"\x08\x00\x16\x00UI")
    body = data[start:]
    place = b.Sequence(tag, (b.Item((b.text(tags.REFERENCED_SOP_INSTANCE_UID, "UI", "1.2\0"),)),))
    outside = b.file(b.image(*EVIL, place))
    inside = b.file((b.text(tags.REFERENCED_SOP_INSTANCE_UID, "UI", "1.2\0"),))[len(b.file(())) :]
    # the item grows by the signed data set, and with it the sequence
    at = outside.index(inside)
    grown = len(body).to_bytes(4, "little")
    sequence = (len(body) + 8).to_bytes(4, "little")
    return outside[: at - 12] + sequence + outside[at - 8 : at - 4] + grown + body + outside[at + len(inside) :]


def codes(report: VerificationReport) -> dict[str, Outcome]:
    return {each.code: each.outcome for each in report.unmet}


@pytest.mark.parametrize(
    "tag", [t.REFERENCED_IMAGE_SEQUENCE, 0x00091001, 0x40080040, tags.ICON_IMAGE_SEQUENCE, 0x00189999]
)
def test_a_signed_object_inside_another_does_not_sign_that(tag: int, pki: Pki) -> None:
    report = verify_integrity(wrapped(tag, sign_dataset(b.file(b.image()), pki["p256"])))
    assert [each.integrity_verdict for each in report.signatures] == [Verdict.VALID]
    assert report.verdict is Verdict.NOT_ESTABLISHED
    assert codes(report) == {"object-not-signed": Outcome.UNKNOWN}
    assert not report.is_object_signed
    assert report.deciding_findings[0].code == "object-not-signed"


@pytest.fixture(scope="module")
def both(pki: Pki) -> bytes:
    """An item is signed, and then the object."""
    item = b.Sequence(
        t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.text(tags.REFERENCED_SOP_INSTANCE_UID, "UI", "1.2\0"),)),)
    )
    return sign_dataset(sign_dataset(b.file(b.image(item)), pki["p256"], location=INNER), pki["rsa2048"])


def test_coverage_without_the_signature_of_the_object(both: bytes) -> None:
    assert verify_integrity(both).verdict is Verdict.VALID
    main = next(each for each in dcmseal.signatures(both) if str(each.location) == "main")
    left = dcmseal.remove(both, uids=[main.uid]).data
    assert left is not None
    report = verify_integrity(left.replace(b"Doe^Jane", b"Evil^Eve"))
    assert (report.verdict, codes(report)) == (Verdict.NOT_ESTABLISHED, {"object-not-signed": Outcome.UNKNOWN})


def test_only_a_location_makes_the_question_one_about_an_item(both: bytes) -> None:
    """A UID goes where the signature goes, so that it says nothing about the place."""
    inner = next(each for each in dcmseal.signatures(both) if str(each.location) == INNER)
    assert verify_integrity(both, uid=inner.uid).verdict is Verdict.NOT_ESTABLISHED
    for options in ({"location": INNER}, {"location": INNER, "uid": inner.uid}):
        report = verify_integrity(both, **options)
        assert report.verdict is Verdict.VALID
        assert report.is_object_signed


def test_an_invalid_verdict_stays_invalid(pki: Pki) -> None:
    item = b.Sequence(
        t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.text(tags.REFERENCED_SOP_INSTANCE_UID, "UI", "1.2\0"),)),)
    )
    data = sign_dataset(b.file(b.image(item)), pki["p256"], location=INNER)
    report = verify_integrity(data.replace(b"1.2\0", b"1.3\0"))
    assert report.verdict is Verdict.INVALID
    assert report.deciding_findings[0].code == "mac-differs"


def test_an_object_without_signatures_needs_no_such_finding() -> None:
    report = verify_integrity(b.file(b.image()))
    assert (report.verdict, report.unmet, report.is_object_signed) == (Verdict.NO_SIGNATURE, (), False)


def test_the_numbers_of_a_report_are_those_of_its_map(pki: Pki) -> None:
    """Critical elements count wherever they stand, in sequences that are not signed, too."""
    data = sign_dataset(real_file("CT_small.dcm").data, pki["rsa2048"], tags=["PixelData", "Rows", "Columns"])
    report = verify_integrity(data, count_coverage=True)
    coverage = dcmseal.map_coverage(data, report)
    assert report.coverage == coverage.summary
    assert report.coverage is not None
    assert coverage.summary.critical == coverage.totals.open
    assert sum(each.count for each in coverage.summary.gaps if each.critical) == coverage.totals.open
    of_signature = report.signatures[0].coverage
    assert of_signature is not None
    assert report.coverage.covered == len(of_signature.signed)
    assert report.coverage.elements == report.coverage.covered + len(of_signature.unsigned)
    nested = [each for each in report.coverage.gaps if each.critical and len(each.path) > 1]
    assert [each.path for each in nested] == [(0x00101002, t.PATIENT_ID)]


def test_the_patient_is_named_first(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["p256"], tags=["SOPInstanceUID"])
    coverage = verify_integrity(data, count_coverage=True).coverage
    assert coverage is not None
    assert format_gaps(coverage).startswith("NOT protected: Patient's Name, Patient ID, ")


def test_where_all_is_covered_nothing_has_to_be_walked(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    from dcmseal.coverage_map import map_builder

    data = sign_dataset(b.file(b.image(b.us(tags.ROWS, 1))), pki["p256"])
    counted = dcmseal.map_coverage(data, verify_integrity(data)).summary
    monkeypatch.delattr(map_builder, "count_coverage")
    assert verify_integrity(data, count_coverage=True).coverage == counted
    assert counted.is_complete


def test_a_critical_element_that_cannot_be_signed_leaves_the_object_incomplete(pki: Pki) -> None:
    data = sign_dataset(
        b.file(b.image(b.Value(0x00082112, "UN", b"abcd"), b.Value(t.GRAPHIC_ANNOTATION_SEQUENCE, "UN", b"abcd"))),
        pki["p256"],
    )
    coverage = verify_integrity(data, count_coverage=True).coverage
    assert coverage is not None
    assert coverage.covered == coverage.elements
    assert (coverage.critical, coverage.is_complete) == (1, False)


def test_coverage_that_cannot_be_counted_is_not_called_complete() -> None:
    assert verify_integrity(b.file(b.image())).coverage is None


def test_names_are_few_and_the_rest_is_a_number() -> None:
    gaps = tuple(CoverageGap(path=(0x00091000 + number,), critical=False) for number in range(30))
    assert format_gaps(ObjectCoverage(elements=30, others=30, gaps=gaps), limit=1) == (
        "NOT protected: (0009,1000) private, and 29 more"
    )
    assert format_gaps(ObjectCoverage()) == ""
