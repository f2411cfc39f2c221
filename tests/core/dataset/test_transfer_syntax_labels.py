"""A transfer syntax that does not match the data, and bytes after the data set."""

from __future__ import annotations

import struct
import zlib

import pytest
from pydicom.uid import AllTransferSyntaxes

from dcmseal.dataset.syntax_registry import REGISTERED
from dcmseal.dataset.transfer_syntax import TransferSyntax
from dcmseal.errors import DatasetError, Malformed
from dcmseal.model.verdict import Verdict
from tests.core.dataset.meta_information import STANDARD, USUAL, VERSION, deflated, part10, syntax_element, with_syntax
from tests.support import builder as b
from tests.support.pki import Pki
from tests.support.signed_files import integrity_verdict, sign_dataset, verify_integrity


def test_two_transfer_syntaxes(pki: Pki) -> None:
    """It is unknown which of them applies."""
    data = part10(b.encode(b.image()), *USUAL, syntax_element(f"{STANDARD}\0"))
    for ask in (verify_integrity, lambda source: sign_dataset(source, pki["p256"])):
        with pytest.raises(
            DatasetError, match=r"two transfer syntaxes, 1\.2\.840\.10008\.1\.2\.1 and 1\.2\.840\.10008\.1\.2 "
        ):
            ask(data)


@pytest.mark.parametrize(
    ("label", "data", "message"),
    [
        (
            f"{STANDARD}.1\0",
            b.encode(b.image(), b.IMPLICIT_LE),
            "labelled Explicit VR Little Endian .* encoded as implicit VR",
        ),
        (
            f"{STANDARD}\0",
            b.encode(b.image()),
            "labelled Implicit VR Little Endian .* encoded as explicit VR little endian",
        ),
        (
            f"{STANDARD}.2\0",
            b.encode(b.image()),
            "labelled Explicit VR Big Endian .* encoded as explicit VR little endian",
        ),
        (f"{STANDARD}.2\0", b.encode(b.image(), b.IMPLICIT_LE), "labelled Explicit VR Big Endian .* as implicit VR"),
        (
            f"{STANDARD}.1\0",
            b.encode(b.image(), b.EXPLICIT_BE),
            "labelled Explicit VR Little Endian .* explicit VR big endian",
        ),
        (
            f"{STANDARD}\0",
            b.encode(b.image(), b.EXPLICIT_BE),
            "labelled Implicit VR Little Endian .* explicit VR big endian",
        ),
        (f"{STANDARD}.4.50", b.encode(b.image(), b.IMPLICIT_LE), "labelled JPEG Baseline .* encoded as implicit VR"),
        ("1.2.840.113619.5.2", b.encode(b.image()), "labelled GE private.* encoded as explicit VR little endian"),
        (f"{STANDARD}.1\0", deflated(b.encode(b.image())), "labelled Explicit VR Little Endian .* a deflated stream"),
        (b.DEFLATED_LE.uid, b.encode(b.image()), "labelled Deflated .* explicit VR little endian, not deflated"),
        (
            b.DEFLATED_LE.uid,
            deflated(b.encode(b.image(), b.IMPLICIT_LE)),
            "labelled Deflated .* implicit VR little endian",
        ),
        (b.DEFLATED_LE.uid, zlib.compress(b.encode(b.image())), "has a zlib header"),
        (b.DEFLATED_LE.uid, zlib.compress(b.encode(b.image()), wbits=31), "has a gzip header"),
        (f"{STANDARD}.4.95", b.encode(b.image()), "labelled JPIP Referenced Deflate .* not deflated"),
    ],
)
def test_a_label_that_is_not_that_of_the_data(label: str, data: bytes, message: str, pki: Pki) -> None:
    source = part10(data, *with_syntax(label))
    for ask in (verify_integrity, lambda each: sign_dataset(each, pki["p256"])):
        with pytest.raises(DatasetError, match=message) as raised:
            ask(source)
        assert "damaged" not in raised.value.hint


@pytest.mark.parametrize(
    ("behind", "message"),
    [
        (b"\0", "1 bytes are left"),
        (b"hello", "5 bytes are left"),
        (bytes(512), "found zeros instead of a Data Element"),
        (struct.pack("<HH2sH", 0x7FFF, 1, b"??", 0), r"\(7FFF,0001\) has VR '\?\?'"),
    ],
)
def test_bytes_behind_the_data_set(behind: bytes, message: str, pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["p256"])
    for ask in (verify_integrity, lambda source: sign_dataset(source, pki["p256"])):
        with pytest.raises(Malformed, match=message) as raised:
            ask(data + behind)
        assert raised.value.offset == len(data)
        assert "the file is damaged or truncated: fetch" not in raised.value.hint


def test_zeros_behind_an_implicit_data_set(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image(), b.IMPLICIT_LE), pki["p256"])
    assert integrity_verdict(data + bytes(512)) is Verdict.INVALID


def test_a_file_without_a_transfer_syntax() -> None:
    data = part10(b.encode((b.text(0x00090010, "LO", "ACME"),)), VERSION)
    with pytest.raises(DatasetError, match="Transfer Syntax UID is missing"):
        verify_integrity(data)


def test_registered_syntaxes() -> None:
    assert {*map(str, AllTransferSyntaxes)} <= {*REGISTERED}
    assert not TransferSyntax(f"{STANDARD}.4.999").is_known
    assert not TransferSyntax(f"{STANDARD}.1.").is_known
