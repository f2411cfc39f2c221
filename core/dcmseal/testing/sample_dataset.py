"""Small Data Sets for tests of Digital Signature Profiles."""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from typing import Final

from msgspec import Struct, field

from dcmseal.dataset.transfer_syntax import EXPLICIT_LITTLE_UID
from dcmseal.dataset.vr import LONG_VRS
from dcmseal.dictionary import tag_vr
from dcmseal.location import MAIN, Location


class SampleDataset(Struct, frozen=True, kw_only=True):
    """A ProfiledDataset with given values: text, a number of items, or None for anything else."""

    values: Mapping[int, str | int | None] = field(default_factory=dict[int, str | int | None])
    is_main: bool = True

    @property
    def tags(self) -> Collection[int]:
        return self.values.keys()

    def text(self, tag: int) -> str | None:
        value = self.values.get(tag)
        return value if isinstance(value, str) and value else None

    def count_items(self, tag: int) -> int | None:
        value = self.values.get(tag)
        return value if isinstance(value, int) else None

    def count_lacking(self, path: tuple[int, ...], any_of: frozenset[int]) -> int:
        """Count all items of the sequence, because all items here are empty."""
        return (self.count_items(path[0]) or 0) if len(path) == 1 else 0

    def encode(self) -> tuple[bytes, Location]:
        """Encode the Data Set.

        Returns:
            A file in explicit VR little endian, and the location of the Data Set in it.
        """
        body = b"".join(_encode_element(tag, self.values[tag]) for tag in sorted(self.values) if _is_encodable(tag))
        location = MAIN
        if not self.is_main:
            location = MAIN.item(_CONTENT_SEQUENCE, 0)
            body = _encode_long(_CONTENT_SEQUENCE, b"SQ", _encode_item(body))
        meta = _encode_element(0x00020010, EXPLICIT_LITTLE_UID)
        return bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta + body, location


_CONTENT_SEQUENCE: Final = 0x0040A730


def _is_encodable(tag: int) -> bool:
    """Whether the element may occur in a Data Set (PS3.5 7.1)."""
    return 0x00080000 <= tag < 0xFFFC0000


def _encode_element(tag: int, value: str | int | None) -> bytes:
    vr = (tag_vr(tag) or "LO")[:2].encode()
    if vr == b"SQ":
        return _encode_long(tag, vr, _encode_item(b"") * (value if isinstance(value, int) else 0))
    if isinstance(value, str):
        text = value.encode()
        content = text + (b"\0" if vr == b"UI" else b" ") * (len(text) & 1)
    else:
        content = bytes(4)
    if vr in LONG_VRS:
        return _encode_long(tag, vr, content)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(content)) + content


def _encode_long(tag: int, vr: bytes, content: bytes) -> bytes:
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, len(content)) + content


def _encode_item(content: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


IMAGE: Final = SampleDataset(
    values={
        0x00080005: "ISO_IR 192",
        0x00080012: "20260301",
        0x00080013: "101500",
        0x00080016: "1.2.840.10008.5.1.4.1.1.7",
        0x00080018: "1.2.826.0.1.3680043.10.1.1",
        0x00080060: "OT",
        0x00080070: "Example Works",
        0x00100010: "Doe^Jane",
        0x00100020: "4711",
        0x0020000D: "1.2.826.0.1.3680043.10.1.2",
        0x0020000E: "1.2.826.0.1.3680043.10.1.3",
        0x00280010: None,
        0x00280011: None,
        0x60003000: None,
        0x60020010: None,
        0x7FE00010: None,
    }
)
REPORT: Final = SampleDataset(
    values={
        0x00080016: "1.2.840.10008.5.1.4.1.1.88.11",
        0x00080018: "1.2.826.0.1.3680043.10.1.4",
        0x0020000D: "1.2.826.0.1.3680043.10.1.2",
        0x0020000E: "1.2.826.0.1.3680043.10.1.5",
        0x0040A040: "CONTAINER",
        0x0040A043: 1,
        0x0040A073: 1,
        0x0040A375: 1,
        0x0040A491: "COMPLETE",
        0x0040A493: "VERIFIED",
        0x0040A730: 2,
    }
)
MALFORMED: Final = SampleDataset(
    values={
        0x00080016: "no UID",
        0x00080018: "",
        0x00090010: "PRIVATE CREATOR",
        0x00091001: "\x00\ufffd",
        0x0040A493: "verified\\VERIFIED",
        0xFFFEFFFF: None,
    }
)
UNKNOWN_SOP_CLASS: Final = SampleDataset(
    values={
        0x00080016: "1.2.826.0.1.3680043.10.99.1",
        0x00080018: "1.2.826.0.1.3680043.10.1.6",
        0x0020000D: "1.2.826.0.1.3680043.10.1.2",
        0x0020000E: "1.2.826.0.1.3680043.10.1.7",
        0x0040A040: "NO VALUE TYPE",
        0x0040A730: 0,
        0x501E3000: None,
        0x60203000: None,
    }
)
SAMPLES: Final = (
    SampleDataset(),
    SampleDataset(is_main=False),
    IMAGE,
    SampleDataset(values=IMAGE.values, is_main=False),
    REPORT,
    SampleDataset(values={**REPORT.values, 0x0040A073: 2}),
    SampleDataset(values={**REPORT.values, 0x0040A493: "UNVERIFIED"}),
    MALFORMED,
    UNKNOWN_SOP_CLASS,
)
"""An empty Data Set, main and nested; an image; reports; one with invalid values; one of an unknown SOP Class."""
