"""What stands around the Data Set: what readers take differently is not valid, what is odd is noted and signed."""

from __future__ import annotations

from io import BytesIO
from typing import Final

import pytest
from pydicom import dcmread

import dcmseal
from dcmseal import tags
from dcmseal.dataset.meta_elements import META_VRS
from dcmseal.dictionary import tag_vr
from dcmseal.errors import DatasetError, SealError
from dcmseal.model.verdict import Verdict
from tests.core.dataset.meta_information import DEFLATED_META, PASSED, USUAL, deflated, part10
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.signed_files import finding_outcomes, integrity_verdict, sign_dataset, verify_integrity

CREATOR: Final = b.uid(0x00020100, "1.2.9")


def test_a_usual_file_has_nothing_to_note(pki: Pki) -> None:
    for syntax in (b.EXPLICIT_LE, b.IMPLICIT_LE, b.EXPLICIT_BE, b.DEFLATED_LE):
        report = verify_integrity(sign_dataset(b.file(b.image(), syntax), pki["p256"]))
        assert report.verdict is Verdict.VALID
        assert report.notes == ()


def test_a_preamble_that_is_used_in_a_deflated_file(pki: Pki) -> None:
    """Readers that take it for elements come to its end, as of TIFF in the real file MR_small.dcm."""
    data = part10(deflated(b.encode(b.image())), *DEFLATED_META, preamble=b"II*\0\xe8\5\x08" + bytes(121))
    assert verify_integrity(sign_dataset(data, pki["p256"])).verdict is Verdict.VALID


def test_a_preamble_that_is_used(pki: Pki) -> None:
    """PS3.10 7.1 has it for other formats, and no reader of DICOM looks at it."""
    report = verify_integrity(
        sign_dataset(part10(b.encode(b.image()), *USUAL, preamble=b"II*\0" + bytes(124)), pki["p256"])
    )
    assert report.verdict is Verdict.VALID
    assert report.notes == ()


def test_undefined_length() -> None:
    for vr in ("OB", "SQ", "UN"):
        data = part10(b.encode(b.image()), *USUAL, b.Value(0x00020102, vr, b"", 0xFFFFFFFF))
        with pytest.raises(DatasetError, match=r"\(0002,0102\) has an undefined length"):
            verify_integrity(data)


def test_meta_information_in_implicit_vr() -> None:
    data = (
        bytes(128)
        + b"DICM"
        + b.encode((b.ul(t.FILE_META_INFORMATION_GROUP_LENGTH, 0), *USUAL), b.IMPLICIT_LE)
        + b.encode(b.image())
    )
    with pytest.raises(DatasetError, match="is in implicit VR, but File Meta Information"):
        verify_integrity(data)


def test_private_information_of_any_size(pki: Pki) -> None:
    data = part10(b.encode(b.image()), *USUAL, CREATOR, b.Value(0x00020102, "OB", bytes(3 << 20)))
    assert integrity_verdict(BytesIO(sign_dataset(data, pki["p256"]))) is Verdict.VALID
    repeated = part10(b.encode(b.image()), *USUAL, CREATOR, *(2 * (b.Value(0x00020102, "OB", bytes(3 << 20)),)))
    assert finding_outcomes(verify_integrity(sign_dataset(repeated, pki["p256"])))["meta-element-repeated"] is PASSED


def test_more_elements_than_there_can_be() -> None:
    with pytest.raises(DatasetError, match="more than 256 elements"):
        verify_integrity(part10(b.encode(b.image()), *(300 * USUAL)))


def test_other_places_for_the_prefix() -> None:
    good = b.file(b.image())
    for data in (good[128:], b"\0" + good, bytes(128) + b"DICM" + good, good[:132] + b"DICM" + good[132:]):
        with pytest.raises(DatasetError):
            verify_integrity(data)
    with pytest.raises(SealError):
        verify_integrity(part10(good, *USUAL))


def test_every_bit_of_the_meta_information(pki: Pki) -> None:
    """After any changed bit, the file is not valid, or pydicom reads the signed data."""
    data = sign_dataset(b.file(b.image()), pki["p256"])
    end = data.index(b"\x08\0\x16\0UI")
    for at in range(132, end):
        for bit in range(8):
            changed = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            try:
                result = integrity_verdict(changed)
            except DatasetError:
                continue
            if result is Verdict.VALID:
                shown = dcmread(BytesIO(changed))
                assert (shown.PatientName, shown.PixelData) == ("Doe^Jane", bytes(range(16)))


def test_nothing_but_un() -> None:
    with pytest.raises(SealError, match=r"\(0040,A375\) cannot, its VR is UN") as raised:
        dcmseal.sign(
            b.file((b.Value(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, "UN", b"ab"),)), key="pem:missing.pem"
        )
    assert "0008" not in raised.value.hint
    with pytest.raises(SealError) as raised:
        dcmseal.sign(
            b.file((b.Sequence(t.DIRECTORY_RECORD_SEQUENCE, (b.Item((b.text(t.MODALITY, "CS", "CT"),)),)),)),
            key="pem:missing.pem",
        )
    assert "DICOMDIR" in raised.value.hint


def test_the_table_is_that_of_the_dictionary() -> None:
    assert {tag: vr.decode() for tag, vr in META_VRS.items()} == {
        tag: vr for tag in range(t.FILE_META_INFORMATION_GROUP_LENGTH, 0x00020200) if (vr := tag_vr(tag))
    }
