"""What verification makes of signatures: levels, other readings, and what was added to what was signed."""

from __future__ import annotations

import pickle
from io import BytesIO

import pytest

import dcmseal
from dcmseal import tags
from dcmseal.errors import DatasetError, Malformed, NoSuchItem, NoSuchSignature, NotSignable
from dcmseal.findings import Aspect, Outcome
from dcmseal.model.verdict import Verdict
from tests.support import builder as b
from tests.support import reference
from tests.support import tags as t
from tests.support.nonstandard_files import pacs_system_file
from tests.support.pki import Pki
from tests.support.signed_files import (
    edit_signed,
    finding_outcomes,
    integrity_verdict,
    read_items,
    sign_by_hand,
    sign_dataset,
    single_report,
    verify_integrity,
)
from tests.support.truncated_reference import truncated_stream

VALID, INVALID, NOT_ESTABLISHED = Verdict.VALID, Verdict.INVALID, Verdict.NOT_ESTABLISHED
CODE = (
    b.text(tags.CODE_VALUE, "SH", "5"),
    b.text(tags.CODING_SCHEME_DESIGNATOR, "SH", "ASTM-sigpurpose"),
    b.text(tags.CODE_MEANING, "LO", "Verification"),
)
UNKNOWN = b.Value(0x00091001, "UN", b"abcd")


def test_trust_is_not_taken_for_granted(pki: Pki) -> None:
    report = dcmseal.verify(sign_dataset(b.file(b.image()), pki["rsa2048"]))
    assert single_report(report).outcome(Aspect.TRUST) is Outcome.NOT_CHECKED
    assert [each.code for each in single_report(report).findings if each.aspect is Aspect.TRUST] == [
        "trust-not-checked"
    ]
    assert single_report(report).outcome(Aspect.TIMESTAMP) is Outcome.NOT_CHECKED
    assert single_report(report).outcome(Aspect.CONFORMANCE) is Outcome.NOT_CHECKED
    assert report.verdict is single_report(report).verdict is NOT_ESTABLISHED
    assert single_report(report).integrity_verdict is VALID
    with pytest.raises(TypeError):
        bool(report)
    with pytest.raises(TypeError):
        bool(single_report(report))


def test_a_report_names_the_signer_and_is_short_to_print(pki: Pki) -> None:
    report = dcmseal.verify(sign_dataset(b.file(b.image()), pki["rsa2048"]), integrity_only=True)
    signature = single_report(report)
    assert signature.signer_name == "CN=rsa2048,O=dcmseal tests"
    assert signature.certificate is not None
    der = pki["rsa2048"].certificate_der.read_bytes()
    assert (signature.certificate.der, signature.signature.certificate.rstrip(b"\0")) == (der, der)
    for value in (report, signature, signature.signature, signature.coverage, signature.trust):
        assert len(repr(value)) < 400
        assert "\\x" not in repr(value)
    copy = pickle.loads(pickle.dumps(signature))  # runs send reports between processes
    assert (copy, copy.certificate.sha256) == (signature, signature.certificate.sha256)


def test_an_unreadable_certificate_names_no_signer(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["rsa2048"])
    signature = single_report(
        dcmseal.verify(data.replace(pki["rsa2048"].certificate_der.read_bytes()[:8], b"\x30\x06" + bytes(6)))
    )
    assert (signature.certificate, signature.signer_name) == (None, "")
    assert signature.outcome(Aspect.FORM) is not Outcome.PASSED


@pytest.mark.parametrize(
    "purpose",
    [
        b.Sequence(tags.DIGITAL_SIGNATURE_PURPOSE_CODE_SEQUENCE, (b.Item((*CODE, UNKNOWN)),)),
        b.Sequence(
            tags.DIGITAL_SIGNATURE_PURPOSE_CODE_SEQUENCE,
            (b.Item(CODE), b.Item((b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((UNKNOWN,)),)),))),
        ),
    ],
    ids=["beside the code", "deeper"],
)
def test_a_purpose_cannot_be_slipped_in(purpose: b.Node, pki: Pki) -> None:
    """Sequences with an element of VR UN are in no MAC: adding one to a signature does not change its stream."""
    data = edit_signed(
        sign_dataset(b.file(b.image()), pki["rsa2048"]),
        signature={tags.DIGITAL_SIGNATURE_PURPOSE_CODE_SEQUENCE: purpose},
    )
    assert integrity_verdict(data) is NOT_ESTABLISHED
    assert (
        integrity_verdict(
            edit_signed(
                data,
                signature={
                    tags.DIGITAL_SIGNATURE_PURPOSE_CODE_SEQUENCE: b.Sequence(
                        tags.DIGITAL_SIGNATURE_PURPOSE_CODE_SEQUENCE, (b.Item(CODE),)
                    )
                },
            )
        )
        is INVALID
    )


def test_elements_that_are_never_signed_may_occur_in_a_signature_item(pki: Pki) -> None:
    """Converters add group lengths to every item."""
    data = sign_dataset(b.file(b.image()), pki["rsa2048"])
    (item,) = read_items(data, tags.DIGITAL_SIGNATURES_SEQUENCE)
    (longer,) = b.with_group_lengths((b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (item,)),))[1:]
    assert isinstance(longer, b.Sequence)
    group_length = longer.items[0].elements[0]
    assert isinstance(group_length, b.Value)
    assert (group_length.tag, group_length.vr) == (0x04000000, "UL")
    assert integrity_verdict(edit_signed(data, main={tags.DIGITAL_SIGNATURES_SEQUENCE: longer})) is VALID


def test_unsigned_additions_are_shown(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["rsa2048"])
    added = edit_signed(
        data,
        main={
            tags.SPECIFIC_CHARACTER_SET: b.text(tags.SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 144"),
            t.PATIENT_COMMENTS: b.text(t.PATIENT_COMMENTS, "LT", "x"),
        },
    )
    coverage = single_report(verify_integrity(added)).coverage
    assert coverage is not None
    assert coverage.unsigned == (tags.SPECIFIC_CHARACTER_SET, t.PATIENT_COMMENTS)
    assert coverage.critical == (tags.SPECIFIC_CHARACTER_SET,)
    assert integrity_verdict(added) is VALID


def test_coverage_is_computed_from_the_data_set(pki: Pki) -> None:
    private = (b.text(0x00090010, "LO", "ACME"), b.Value(0x00091001, "UN", b"abcd"))
    nested = b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((UNKNOWN,)),))
    data = sign_by_hand(pki["rsa2048"], b.image(*private, nested), listed=(t.PATIENT_NAME, t.ETHNIC_GROUP, tags.ROWS))
    coverage = single_report(verify_integrity(data)).coverage
    assert coverage is not None
    assert coverage.signed == (t.PATIENT_NAME, tags.ROWS)
    assert coverage.absent == (t.ETHNIC_GROUP,)
    assert [tag for tag, _ in coverage.unsignable] == [t.REFERENCED_IMAGE_SEQUENCE, 0x00091001]
    assert tags.SOP_INSTANCE_UID in coverage.critical
    assert 0x00090010 in coverage.unsigned
    assert tags.MAC_PARAMETERS_SEQUENCE not in coverage.unsigned


def test_signatures_at_every_level(pki: Pki) -> None:
    """Outer signatures do not cover inner ones, which may come before or after them (PS3.3 C.12.1.1.3.1.1)."""
    inner = b.Sequence(
        t.CONTENT_SEQUENCE,
        (b.Item((b.us(tags.ROWS, 1),)), b.Item((b.us(tags.ROWS, 2),), undefined=True)),
        undefined=True,
    )
    data = b.file(b.image(b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.us(tags.ROWS, 1), inner)), b.Item()))))
    deep = "ReferencedImageSequence[0].ContentSequence[1]"
    data = sign_dataset(data, pki["p256"], location=deep)
    data = sign_dataset(data, pki["rsa2048"])
    data = sign_dataset(data, pki["p256"], location="ReferencedImageSequence[0]")
    data = sign_dataset(data, pki["p256"])
    report = verify_integrity(data)
    assert [str(each.signature.location) for each in report.signatures] == [
        "main",
        "main",
        deep,
        "ReferencedImageSequence[0]",
    ]
    assert report.verdict is VALID
    assert sorted(each.signature.mac_id or 0 for each in report.signatures) == [0, 1, 2, 3]
    one = single_report(verify_integrity(data, location=deep))
    assert one.signature.uid == report.signatures[2].signature.uid
    assert single_report(verify_integrity(data, uid=one.signature.uid)).signature.location == one.signature.location
    assert reference.mac_stream(data, one.signature.uid)


def test_missing_objects(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["p256"])
    with pytest.raises(NoSuchSignature, match=r"1\.2\.3"):
        verify_integrity(data, uid="1.2.3")
    for path in ("ReferencedImageSequence[0]", "PatientName[0]"):
        with pytest.raises(NoSuchItem):
            verify_integrity(data, location=path)
    assert verify_integrity(b.file(b.image())).verdict is Verdict.NO_SIGNATURE


def test_former_states_are_skipped(pki: Pki) -> None:
    """A signature in Original Attributes Sequence went with values that have been replaced (PS3.3 C.12.1.1.9)."""
    old = sign_dataset(b.file((b.text(t.PATIENT_NAME, "PN", "Old^Name"),)), pki["p256"])
    former = b.Item(
        tuple(
            b.Sequence(tag, read_items(old, tag))
            for tag in (tags.MAC_PARAMETERS_SEQUENCE, tags.DIGITAL_SIGNATURES_SEQUENCE)
        )
    )
    modified = b.Sequence(tags.ORIGINAL_ATTRIBUTES_SEQUENCE, (b.Item((b.Sequence(0x04000550, (former,)),)),))
    data = b.file(b.image(modified))
    report = verify_integrity(data)
    assert report.signatures == ()
    assert [str(location) for location in report.skipped] == [
        "OriginalAttributesSequence[0].ModifiedAttributesSequence[0]"
    ]
    assert report.verdict is Verdict.NO_SIGNATURE
    assert integrity_verdict(sign_dataset(data, pki["p256"])) is VALID
    assert [str(each.location) for each in dcmseal.signatures(data)] == [str(report.skipped[0])]


def test_a_signature_of_one_key_over_many_lists(pki: Pki) -> None:
    """Signatures of one level are computed in one pass for any lists and algorithms."""
    data = b.file(
        b.image(
            b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.us(tags.ROWS, 1),)),)),
            b.Fragments(fragments=(b"", b"abcd")),
        ),
        b.JPEG_BASELINE,
    )
    data = sign_dataset(data, pki["p256"], tags=[t.PATIENT_NAME, tags.PIXEL_DATA])
    data = sign_dataset(data, pki["rsa2048"], algorithm="SHA512", tags=[t.REFERENCED_IMAGE_SEQUENCE])
    data = sign_dataset(data, pki["p256"], algorithm="SHA384")
    report = verify_integrity(data)
    assert len(report.signatures) == 3
    assert report.verdict is VALID


def test_the_old_fragment_format_is_accepted_when_asked_for(pki: Pki) -> None:
    nodes = b.image(b.Fragments(fragments=(b"", b"abcdef", b"gh")))
    stream = reference.data_stream(reference.parse_file(b.file(nodes, b.JPEG_BASELINE)).dataset, old_format=True)
    data = sign_by_hand(pki["p256"], nodes, syntax=b.JPEG_BASELINE, mac_syntax=b.JPEG_BASELINE.uid, stream=stream)
    assert integrity_verdict(data) is INVALID
    assert integrity_verdict(data, accept_old_format=True) is VALID
    assert finding_outcomes(verify_integrity(data))["key-matches"] is Outcome.PASSED


@pytest.mark.parametrize("contours", [3, 9])
def test_the_unprotected_bytes_of_a_truncated_mac_are_counted(contours: int, pki: Pki) -> None:
    points = b.Item((b.Value(t.CONTOUR_DATA, "DS", b"-12.5\\" * 700 + b"1 "),))
    structure = b.Sequence(
        t.ROI_CONTOUR_SEQUENCE, tuple(b.Item((b.Sequence(t.CONTOUR_SEQUENCE, (points,) * 3),)) for _ in range(contours))
    )
    nodes = b.image(structure)
    cut = truncated_stream(reference.parse_file(b.file(nodes)).dataset)
    assert cut.lost > 8000
    report = verify_integrity(sign_by_hand(pki["p256"], nodes, stream=cut.stream))
    (finding,) = (each for each in single_report(report).findings if each.code == "dcmtk-truncated")
    assert f"{cut.lost} bytes" in finding.message
    assert "(3006,0039)" in finding.message
    assert integrity_verdict(sign_by_hand(pki["p256"], nodes)) is VALID


def test_padding_and_other_readings_at_once(pki: Pki) -> None:
    """The item's own level is padded and read on its own."""
    level = (b.text(t.PATIENT_COMMENTS, "LT", "comment"), b.us(tags.ROWS, 1))
    data = sign_dataset(
        b.file(b.image(b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item(level),)))),
        pki["rsa2048"],
        location="ReferencedImageSequence[0]",
    )
    sequence = b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, read_items(data, t.REFERENCED_IMAGE_SEQUENCE))
    longer = (b.Value(t.PATIENT_COMMENTS, "LT", b"comment         "), *sequence.items[0].elements[1:])
    for undefined in (False, True):
        padded = b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item(longer, undefined=undefined),), undefined=undefined)
        report = verify_integrity(edit_signed(data, main={t.REFERENCED_IMAGE_SEQUENCE: padded}))
        assert finding_outcomes(report)["matches-minimal-padding"] is Outcome.PASSED
        assert single_report(report).integrity_verdict is VALID


def test_the_style_of_pacs_system(pki: Pki) -> None:
    """Its sequence of signatures is Original Attributes Sequence; there or flat, it is named and not called corrupt."""
    for with_sequence in (False, True):
        report = verify_integrity(pacs_system_file(pki["rsa2048"], with_sequence=with_sequence))
        assert report.verdict is Verdict.NO_SIGNATURE
        assert [note.code for note in report.notes] == ["flat-signature"]


def test_lengths_of_the_macro_that_contradict_each_other(pki: Pki) -> None:
    """The last item of a sequence of defined length must end where the sequence does."""
    data = sign_dataset(b.file(b.image()), pki["p256"])
    (item,) = read_items(data, tags.DIGITAL_SIGNATURES_SEQUENCE)
    honest = b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (b.Item(item.elements, undefined=True),))
    assert integrity_verdict(edit_signed(data, main={tags.DIGITAL_SIGNATURES_SEQUENCE: honest})) is VALID
    last = item.elements[-1]
    assert isinstance(last, b.Value)
    hidden = b.Value(0x00091001, "OB", b"abcd" + b"\x0a\x40\x01\x00OB\0\0\x08\0\0\0")
    with_tail = b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (b.Item((hidden, *item.elements), undefined=True),))
    good = edit_signed(data, main={tags.DIGITAL_SIGNATURES_SEQUENCE: with_tail})
    start = good.rindex(b"\xfa\xff\xfa\xffSQ\0\0") + 8
    length = int.from_bytes(good[start : start + 4], "little")
    # what follows the end that the sequence claims would have to be read twice
    for shorter in range(1, 64):
        claimed = (length - shorter).to_bytes(4, "little")
        with pytest.raises(Malformed):
            verify_integrity(good[:start] + claimed + good[start + 4 :])


def test_a_file_that_ends_while_it_is_read(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image(b.Value(tags.PIXEL_DATA, "OW", bytes(300_000)))), pki["p256"])

    class Shrinking(BytesIO):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            if offset > 150_000:
                self.truncate(150_000)
            return super().seek(offset, whence)

    with pytest.raises(Malformed, match="shorter"):
        verify_integrity(Shrinking(data))


def test_mac_parameters_behind_the_fragments_they_are_for(pki: Pki) -> None:
    """They come after the elements that they list."""
    data = sign_dataset(b.file(b.image(b.Fragments(fragments=(b"", b"abcd"))), b.JPEG_BASELINE), pki["p256"])
    uid = dcmseal.signatures(data)[0].uid
    parameters = b.encode((b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, read_items(data, tags.MAC_PARAMETERS_SEQUENCE)),))
    signatures = b.encode(
        (b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, read_items(data, tags.DIGITAL_SIGNATURES_SEQUENCE)),)
    )
    assert data.count(parameters) == data.count(signatures) == 1
    late = data.replace(parameters, b"").replace(signatures, parameters + signatures)
    assert finding_outcomes(verify_integrity(late))["disordered"] is Outcome.FAILED
    assert integrity_verdict(late) is INVALID
    with pytest.raises(DatasetError, match="order"):
        dcmseal.write_mac_stream(late, uid, lambda _: None)


def test_the_stream_of_unsignable_elements(pki: Pki) -> None:
    data = edit_signed(
        sign_dataset(b.file(b.image(b.Value(0x00091001, "OB", b"abcd"))), pki["p256"]), main={0x00091001: UNKNOWN}
    )
    uid = dcmseal.signatures(data)[0].uid
    with pytest.raises(NotSignable, match="UN"):
        dcmseal.write_mac_stream(data, uid, lambda _: None)
    with pytest.raises(NoSuchSignature, match="no MAC parameters"):
        dcmseal.write_mac_stream(edit_signed(data, main={tags.MAC_PARAMETERS_SEQUENCE: None}), uid, lambda _: None)
    with pytest.raises(NoSuchSignature):
        dcmseal.write_mac_stream(data, "1.2.3", lambda _: None)
