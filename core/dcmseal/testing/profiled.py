"""Data sets as a Digital Signature Profile sees them, for tests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleDataset:
    """A ProfiledDataset made of values at hand; None is a value that is no text."""

    values: Mapping[int, str | None] = field(default_factory=dict[int, str | None])
    is_main: bool = True

    @property
    def tags(self) -> Collection[int]:
        return self.values.keys()

    def text(self, tag: int) -> str | None:
        return self.values.get(tag) or None


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
        0x0040A040: "CONTAINER",
        0x0040A073: None,
        0x0040A375: None,
        0x0040A491: "COMPLETE",
        0x0040A493: "VERIFIED",
        0x0040A730: None,
    }
)
ODD: Final = SampleDataset(
    values={
        0x00080016: "no UID",
        0x00080018: "",
        0x00090010: "PRIVATE CREATOR",
        0x00091001: "\x00\ufffd",
        0x0040A493: "verified\\VERIFIED",
        0xFFFEFFFF: None,
    }
)
SAMPLES: Final = (
    SampleDataset(),
    SampleDataset(is_main=False),
    IMAGE,
    SampleDataset(values=IMAGE.values, is_main=False),
    REPORT,
    ODD,
)
"""Empty, main and nested, an image, a report, and one whose values are no good."""
