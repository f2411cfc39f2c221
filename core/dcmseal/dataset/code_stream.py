"""Compressed pixel data: detection of its format, and the formats that a transfer syntax allows (PS3.5 A.4)."""

# Kept apart: formats of compressed pixels (ISO and ITU-T), independent of DICOM files.

from __future__ import annotations

import re
from collections.abc import Iterator
from struct import Struct
from typing import Final

from dcmseal import tags
from dcmseal.dataset.header import read_header
from dcmseal.dataset.source import Source
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding

_HEAD_SIZE: Final = 64
_MAX_ITEMS: Final = 64
"""Items to search for one that is not empty."""
_MAX_SEGMENTS: Final = 256
"""Marker segments to search for a frame header."""
_U16: Final = Struct(">H")
_STANDARD: Final = "1.2.840.10008.1.2."

_JPEG_2000, _HTJ2K, _JPEG_XL = "JPEG 2000", "High-Throughput JPEG 2000", "JPEG XL"
_RLE, _MPEG2, _H264, _HEVC = "RLE", "MPEG2", "MPEG-4 AVC/H.264", "HEVC/H.265"
_MP4, _TRANSPORT = "MP4", "MPEG-2 transport stream"
_VIDEO: Final = frozenset({_MPEG2, _H264, _HEVC, _MP4, _TRANSPORT})
_NAL: Final = re.compile(rb"\0?\0\0\x01(.)", re.DOTALL)
"""Start code and first byte of a NAL unit (ITU-T H.264 and H.265, Annex B)."""
_FRAMES: Final = {
    0xC0: "JPEG Baseline",
    0xC1: "JPEG Extended (sequential)",
    0xC2: "JPEG Progressive",
    0xC3: "JPEG Lossless",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF, 0xDE), "JPEG Hierarchical"),
    0xC9: "JPEG Extended (arithmetic)",
    0xCA: "JPEG Progressive (arithmetic)",
    0xCB: "JPEG Lossless (arithmetic)",
    0xF7: "JPEG-LS",
}
"""Processes by the marker of the frame header (ISO/IEC 10918-1 Table B.1, ISO/IEC 14495-1)."""
_DISTINCTIVE: Final = frozenset({*_FRAMES.values(), _JPEG_2000, _HTJ2K, _RLE})


def _syntax_uids(*ends: str) -> list[str]:
    return [_STANDARD + end for end in ends]


_CODE_STREAMS: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(_syntax_uids("4.50"), frozenset({"JPEG Baseline"})),
    **dict.fromkeys(_syntax_uids("4.51"), frozenset({"JPEG Baseline", "JPEG Extended (sequential)"})),
    **dict.fromkeys(_syntax_uids("4.52"), frozenset({"JPEG Extended (arithmetic)"})),
    **dict.fromkeys(_syntax_uids("4.53", "4.55"), frozenset({"JPEG Progressive"})),
    **dict.fromkeys(_syntax_uids("4.54", "4.56"), frozenset({"JPEG Progressive (arithmetic)"})),
    **dict.fromkeys(_syntax_uids("4.57", "4.70"), frozenset({"JPEG Lossless"})),
    **dict.fromkeys(_syntax_uids("4.58"), frozenset({"JPEG Lossless (arithmetic)"})),
    **dict.fromkeys(_syntax_uids(*(f"4.{each}" for each in range(59, 67))), frozenset(_FRAMES.values())),
    **dict.fromkeys(_syntax_uids("4.80", "4.81"), frozenset({"JPEG-LS"})),
    **dict.fromkeys(_syntax_uids("4.90", "4.91", "4.92", "4.93"), frozenset({_JPEG_2000})),
    **dict.fromkeys(_syntax_uids("4.201", "4.202", "4.203"), frozenset({_HTJ2K})),
    **dict.fromkeys(_syntax_uids("4.110", "4.112"), frozenset({_JPEG_XL})),
    **dict.fromkeys(_syntax_uids("4.111"), frozenset({_JPEG_XL, "JPEG Baseline"})),
    **dict.fromkeys(_syntax_uids("5"), frozenset({_RLE})),
    **dict.fromkeys(_syntax_uids("4.100", "4.100.1", "4.101", "4.101.1"), _VIDEO - {_H264, _HEVC}),
    **dict.fromkeys(
        _syntax_uids(*(f"4.{each}{end}" for each in (102, 103, 104, 105, 106) for end in ("", ".1"))), _VIDEO - {_HEVC}
    ),
    **dict.fromkeys(_syntax_uids("4.107", "4.108"), _VIDEO - {_H264}),
}
"""The formats that fragments may have, by transfer syntax (PS3.5 A.4.1 to A.4.13)."""


def expected_code_streams(syntax: str) -> frozenset[str]:
    """Look up the formats that a transfer syntax allows; empty if it is not compressed or not known."""
    return _CODE_STREAMS.get(syntax, frozenset())


def is_distinctive(stream: str) -> bool:
    """Whether uncompressed or deflated pixels cannot be mistaken for this format."""
    return stream in _DISTINCTIVE


def find_first_fragment(source: Source, start: int, end: int, encoding: Encoding) -> tuple[int, int] | None:
    """Find the first fragment that is not empty.

    Args:
        source: The Data Set.
        start: Where the value of Pixel Data starts, with the Basic Offset Table.
        end: Where it ends.
        encoding: The encoding of the Data Set.

    Returns:
        Start and end of the fragment; None if there is none.
    """
    for index, (at, stop) in enumerate(_iter_fragments(source, start, end, encoding)):
        if index and at < stop:
            return at, stop
    return None


def detect_code_stream(source: Source, at: int, end: int) -> str:
    """Detect the format of a fragment.

    Args:
        source: The Data Set.
        at: Where the fragment starts.
        end: Where it ends.

    Returns:
        The name of the format; empty if it is not known.
    """
    head = source.read(at, min(end, at + _HEAD_SIZE))
    if head.startswith(b"\xff\xd8\xff"):
        return _detect_jpeg(source, at + 2, end)
    if head.startswith(b"\xff\x4f\xff\x51"):
        return _detect_jpeg_2000(source, at + 2, end)
    if head.startswith(b"\0\0\0\x0cjP  \r\n\x87\n"):
        return _JPEG_2000  # a JP2 file, which PS3.5 A.4.4 does not allow; its content is not checked
    if head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL ")):
        return _JPEG_XL
    if _is_rle(head):
        return _RLE
    return _detect_video(head)


def _iter_fragments(source: Source, start: int, end: int, encoding: Encoding) -> Iterator[tuple[int, int]]:
    position = start
    for _ in range(_MAX_ITEMS):
        header = read_header(source.read(position, min(end, position + 12)), 0, encoding)
        if header is None or header.tag != tags.ITEM or header.length == UNDEFINED_LENGTH:
            return
        at, position = position + header.size, position + header.size + header.length
        if position > end:
            return
        yield at, position


def _detect_jpeg(source: Source, position: int, end: int) -> str:
    """Find the frame header behind the other marker segments, and return its process."""
    for _ in range(_MAX_SEGMENTS):
        segment = _read_segment(source, position, end, 4)
        if len(segment) < 4 or segment[0] != 0xFF:
            return ""
        marker = segment[1]
        if marker == 0xFF:
            position += 1  # fill bytes
        elif marker in _FRAMES:
            return _FRAMES[marker]
        else:
            position += 2 + _U16.unpack_from(segment, 2)[0]
    return ""


def _detect_jpeg_2000(source: Source, position: int, end: int) -> str:
    """Tell High-Throughput JPEG 2000, which has a CAP segment for Part 15 (ISO/IEC 15444-15 A.3), from JPEG 2000."""
    for _ in range(_MAX_SEGMENTS):
        segment = _read_segment(source, position, end, 8)
        if len(segment) < 8 or segment[0] != 0xFF or segment[1] == 0x90:
            break
        if segment[1] == 0x50:
            # in Pcap, the 15th of 32 bits from the left stands for Part 15
            return _HTJ2K if int.from_bytes(segment[4:8], "big") & 1 << 17 else _JPEG_2000
        position += 2 + _U16.unpack_from(segment, 2)[0]
    return _JPEG_2000


def _read_segment(source: Source, position: int, end: int, size: int) -> bytes:
    """Read the start of a marker segment; less than ``size``, or nothing, if the fragment ends before.

    ``position`` may be beyond the end, because the length of the segment in front is not to be trusted.
    """
    return source.read(min(position, end), min(position + size, end))


def _is_rle(head: bytes) -> bool:
    """Whether the bytes are an RLE header: ascending offsets of 1 to 15 segments, the first at its end (PS3.5 G.5)."""
    words = [int.from_bytes(head[at : at + 4], "little") for at in range(0, _HEAD_SIZE, 4)]
    count, offsets = words[0], words[1:]
    used, unused = offsets[:count], offsets[count:]
    return (
        len(head) == _HEAD_SIZE
        and 1 <= count <= 15
        and used[0] == _HEAD_SIZE
        and sorted(used) == used
        and not any(unused)
    )


def _detect_video(head: bytes) -> str:
    if head.startswith((b"\0\0\x01\xb3", b"\0\0\x01\xba")):
        return _MPEG2
    if head[4:8] == b"ftyp":
        return _MP4
    if len(head) == _HEAD_SIZE and head[0] == 0x47 and not head[1] & 0x80 and head[3] & 0x10:
        return _TRANSPORT
    unit = _NAL.match(head)
    if unit is None:
        return ""
    return _H264 if unit[1] in b"\x09\x27\x47\x67" else _HEVC if unit[1] in b"\x40\x42\x44\x46" else ""
