"""Values of elements in a few words; those that may tell whose the object is only if that is asked for."""

from __future__ import annotations

import struct
from typing import Final

from dcmseal.dataset.source import Source
from dcmseal.dataset.vr import TEXT_VRS
from dcmseal.engine.comparison.inventory import Element

_MAX_SHOWN_BYTES: Final = 64
"""Bytes of a value that are shown."""
_STRUCT_CODES: Final = {
    b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"UV": "Q", b"SV": "q", b"FL": "f", b"FD": "d"
}  # fmt: skip
_PUBLIC_VRS: Final = frozenset((*_STRUCT_CODES, b"AT", b"CS", b"DS", b"IS"))
"""Numbers, tags and codes: nobody is named by them, in the groups that are not about the patient."""
_PUBLIC_UIDS: Final = frozenset({0x00020002, 0x00020010, 0x00080016, 0x00081150})
"""SOP classes and transfer syntaxes."""
_PUBLIC_GROUPS: Final = frozenset(
    {0x0002, 0x0008, 0x0018, 0x0020, 0x0028, 0x0048, 0x0054, 0x0062, 0x3002, 0x3004, 0x300A}
)
"""Groups about how the object was made, and what it is."""


def is_public(tags: tuple[int, ...], vr: bytes) -> bool:
    """Whether the value of an element may be shown to anybody; ``tags`` leads to it, its own tag last.

    What is not known to tell nothing about the patient is taken to tell something.
    """
    if any(tag >> 16 not in _PUBLIC_GROUPS for tag in tags):
        return False
    return tags[-1] in _PUBLIC_UIDS or vr in _PUBLIC_VRS


def format_value(source: Source, element: Element) -> str:
    """The value in a few words; empty for sequences and fragments."""
    if element.value is None or element.items is not None or element.fragmented:
        return ""
    start, end, encoding = element.value
    length = end - start
    data = source.read(start, min(end, start + _MAX_SHOWN_BYTES))
    more = "" if length <= _MAX_SHOWN_BYTES else f"... ({length} bytes)"
    if element.vr in TEXT_VRS:
        try:
            return data.decode("utf-8").rstrip(" \0") + more
        except UnicodeDecodeError:
            return data.decode("ascii", "backslashreplace").rstrip(" \0") + more
    order = ">" if encoding.is_big_endian else "<"
    if element.vr == b"AT":
        halves = struct.unpack(f"{order}{len(data) // 4 * 2}H", data[: len(data) // 4 * 4])
        return "\\".join(f"({halves[at]:04X},{halves[at + 1]:04X})" for at in range(0, len(halves), 2)) + more
    code = _STRUCT_CODES.get(element.vr)
    if code is None:
        return data.hex(" ") + more
    size = struct.calcsize(code)
    numbers = struct.unpack(f"{order}{len(data) // size}{code}", data[: len(data) // size * size])
    return "\\".join(f"{number:g}" if code in "fd" else str(number) for number in numbers) + more
