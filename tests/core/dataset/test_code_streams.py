"""What the pixels are, against what the file says they are: the label is not protected, and decoders go by it."""

from __future__ import annotations

import struct
from typing import Final

import pytest

from dcmseal import tags
from dcmseal.dataset.code_stream import detect_code_stream, expected_code_streams, find_first_fragment
from dcmseal.dataset.source import BytesSource
from dcmseal.dataset.syntax_registry import REGISTERED
from dcmseal.dataset.transfer_syntax import Encoding, TransferSyntax
from dcmseal.errors import DatasetError
from dcmseal.findings import Outcome
from dcmseal.model.verdict import Verdict
from tests.support import builder as b
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.signed_files import finding_outcomes, integrity_verdict, sign_dataset, verify_integrity

STANDARD: Final = "1.2.840.10008.1.2"


def jpeg(frame: int, *segments: bytes) -> bytes:
    """The beginning of a JPEG code stream: segments, and a frame header with this marker."""
    return b"\xff\xd8" + b"".join(segments) + bytes((0xFF, frame)) + b"\0\x0b\x08\0\x04\0\x04\x01\x01\x11\0\xff\xd9"


def segment(marker: int, size: int) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", size + 2) + bytes(size)


def jpeg_2000(capabilities: int | None = None) -> bytes:
    cap = b"" if capabilities is None else b"\xff\x50\0\x08" + struct.pack(">IH", capabilities, 0)
    return b"\xff\x4f\xff\x51\0\x29" + bytes(39) + cap + b"\xff\x52\0\x0c" + bytes(10) + b"\xff\x90" + bytes(10)


def rle(*offsets: int) -> bytes:
    return struct.pack("<16I", len(offsets), *offsets, *(0,) * (15 - len(offsets))) + bytes(64)


STREAMS: Final = {
    "baseline": (jpeg(0xC0), "JPEG Baseline"),
    "extended": (jpeg(0xC1), "JPEG Extended (sequential)"),
    "progressive": (jpeg(0xC2), "JPEG Progressive"),
    "lossless": (jpeg(0xC3), "JPEG Lossless"),
    "JPEG-LS": (jpeg(0xF7), "JPEG-LS"),
    "long segments in front": (jpeg(0xC0, segment(0xE2, 60000), segment(0xFE, 9)), "JPEG Baseline"),
    "fill bytes": (b"\xff\xd8\xff\xff" + jpeg(0xC3)[2:], "JPEG Lossless"),
    "no frame": (b"\xff\xd8\xff\xd9" + bytes(60), ""),
    "cut short": (jpeg(0xC0)[:3], ""),
    "a segment longer than the fragment": (b"\xff\xd8\xff\xe0\xff\xff" + bytes(60), ""),
    "JPEG 2000": (jpeg_2000(), "JPEG 2000"),
    "JPEG 2000 with a segment longer than the fragment": (b"\xff\x4f\xff\x51\xff\xff" + bytes(60), "JPEG 2000"),
    "JPEG 2000 with capabilities of Part 2": (jpeg_2000(1 << 30), "JPEG 2000"),
    "HTJ2K": (jpeg_2000(1 << 17), "High-Throughput JPEG 2000"),
    "JP2": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60), "JPEG 2000"),
    "JPEG XL": (b"\xff\x0a" + bytes(62), "JPEG XL"),
    "JPEG XL in boxes": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(60), "JPEG XL"),
    "RLE": (rle(64), "RLE"),
    "RLE of three segments": (rle(64, 90, 120), "RLE"),
    "RLE out of order": (rle(64, 120, 90), ""),
    "RLE from elsewhere": (rle(68), ""),
    "MPEG2": (b"\0\0\x01\xb3" + bytes(60), "MPEG2"),
    "transport stream": (b"\x47\x40\x11\x10" + bytes(184), "MPEG-2 transport stream"),
    "MP4": (b"\0\0\0\x18ftypisom" + bytes(60), "MP4"),
    "H.264": (b"\0\0\0\x01\x67" + bytes(60), "MPEG-4 AVC/H.264"),
    "H.264 with a short start code": (b"\0\0\x01\x09" + bytes(60), "MPEG-4 AVC/H.264"),
    "HEVC": (b"\0\0\0\x01\x40\x01" + bytes(60), "HEVC/H.265"),
    "text": (b"AAAA", ""),
    "zeros": (bytes(100), ""),
    "nothing": (b"", ""),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams_by_their_first_bytes(name: str) -> None:
    data, expected = STREAMS[name]
    assert detect_code_stream(BytesSource(b"xx" + data + b"yy"), 2, 2 + len(data)) == expected


def test_the_first_fragment_that_is_not_empty() -> None:
    for fragments, expected in (
        ((b"\0\0\0\0", b"", b"ab"), b"ab"),
        ((b"", b"abcd", b"ef"), b"abcd"),
        ((b"",), None),
        ((b"abcd",), None),
    ):
        data = b.encode((b.Fragments(tags.PIXEL_DATA, fragments),))
        place = find_first_fragment(BytesSource(data), 12, len(data), Encoding.EXPLICIT_LITTLE)
        assert (data[slice(*place)] if place else None) == expected
    damaged = b.encode((b.Fragments(tags.PIXEL_DATA, (b"", b"ab")),))[:-10]
    assert find_first_fragment(BytesSource(damaged), 12, len(damaged), Encoding.EXPLICIT_LITTLE) is None


def test_every_compressed_syntax_has_its_streams() -> None:
    """Only those whose fragments may begin with any bytes have none."""
    without = {uid for uid in REGISTERED if TransferSyntax(uid).is_encapsulated and not expected_code_streams(uid)}
    assert without == {f"{STANDARD}.1.98", f"{STANDARD}.8.1"}


def relabelled(data: bytes, old: str, new: str) -> bytes:
    """The syntax exchanged in File Meta Information and MAC Parameters, its length kept by padding."""
    assert data.count(old.encode()) == 2
    return data.replace(old.encode(), new.encode() + b"\0" * (len(old) - len(new)))


@pytest.mark.parametrize(
    ("name", "old", "others"),
    [
        ("JPEG-lossy.dcm", "4.51", ("4.50", "4.57", "4.80", "4.90", "5", "1.98", "8.1")),
        ("JPEG2000.dcm", "4.91", ("4.50", "4.70", "4.80", "5", "1.98")),
        ("JPEGLSNearLossless_08.dcm", "4.81", ("4.50", "4.91", "5", "1.98", "8.1")),
    ],
)
def test_pixels_under_another_label(name: str, old: str, others: tuple[str, ...], pki: Pki) -> None:
    data = sign_dataset(real_file(name).data, pki["p256"])
    report = verify_integrity(data)
    assert report.verdict is Verdict.VALID
    assert "code-stream-unrecognised" not in finding_outcomes(report)
    for other in others:
        report = verify_integrity(relabelled(data, f"{STANDARD}.{old}", f"{STANDARD}.{other}"))
        assert finding_outcomes(report)["mac-matches"] is Outcome.PASSED
        assert finding_outcomes(report)["code-stream-differs"] is Outcome.FAILED, other
        assert report.verdict is Verdict.INVALID


def test_rle_under_another_label(pki: Pki) -> None:
    report = verify_integrity(sign_dataset(real_file("rtdose_rle.dcm").data, pki["p256"]))
    assert report.verdict is Verdict.VALID
    assert "code-stream-unrecognised" not in finding_outcomes(report)
    with pytest.raises(DatasetError, match="the pixels are RLE, but the file is labelled Encapsulated Uncompressed"):
        sign_dataset(
            b.file((*b.image()[:-1], b.Fragments(tags.PIXEL_DATA, (b"", rle(64)))), b.Syntax(f"{STANDARD}.1.98")),
            pki["p256"],
        )


def test_an_invalid_code_stream_is_reported(pki: Pki) -> None:
    """No decoder accepts it under any transfer syntax: it is odd, but not mislabelled."""
    data = sign_dataset(
        b.file((*b.image()[:-1], b.Fragments(tags.PIXEL_DATA, (b"", b"AAAA"))), b.JPEG_BASELINE), pki["p256"]
    )
    for changed in (data, relabelled(data, f"{STANDARD}.4.50", f"{STANDARD}.4.80")):
        report = verify_integrity(changed)
        assert finding_outcomes(report)["code-stream-unrecognised"] is Outcome.PASSED
        assert report.verdict is Verdict.VALID


def test_frames_that_are_not_compressed(pki: Pki) -> None:
    syntax = b.Syntax(f"{STANDARD}.1.98")
    assert (
        integrity_verdict(
            sign_dataset(b.file((*b.image()[:-1], b.Fragments(tags.PIXEL_DATA, (b"", bytes(16)))), syntax), pki["p256"])
        )
        is Verdict.VALID
    )
    with pytest.raises(DatasetError, match="a frame has 16 bytes, but the first fragment has 4"):
        sign_dataset(b.file((*b.image()[:-1], b.Fragments(tags.PIXEL_DATA, (b"", b"AAAA"))), syntax), pki["p256"])
    data = sign_dataset(
        b.file((*b.image()[:-1], b.Fragments(tags.PIXEL_DATA, (b"", b"AAAA"))), b.JPEG_BASELINE), pki["p256"]
    )
    report = verify_integrity(relabelled(data, f"{STANDARD}.4.50", syntax.uid))
    assert finding_outcomes(report)["frame-size-differs"] is Outcome.FAILED
