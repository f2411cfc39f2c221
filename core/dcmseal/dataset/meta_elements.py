"""Data Elements of File Meta Information (group 0002), always in explicit VR little endian (PS3.10 7.1)."""

# Kept apart: parsing elements and judging them would be more than 350 lines.

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

from dcmseal.dataset.source import CHUNK_SIZE, Source
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH
from dcmseal.dataset.vr import LONG_VRS, SHORT_VRS
from dcmseal.errors import DatasetError, Malformed
from dcmseal.tags import format_tag

_GROUP: Final = b"\x02\x00"
_START: Final = Struct("<HH2sH")
_U32: Final = Struct("<I")
_MAX_ELEMENTS: Final = 256
_KNOWN_VRS: Final = SHORT_VRS | LONG_VRS
REWRITE_HINT: Final = "other software may read a different data set: rewrite the file with software that you trust"

GROUP_LENGTH: Final = 0x00020000
SOP_CLASS: Final = 0x00020002
SOP_INSTANCE: Final = 0x00020003
TRANSFER_SYNTAX: Final = 0x00020010
META_VRS: Final = {
    GROUP_LENGTH: b"UL",
    **dict.fromkeys((0x00020001, 0x00020031, 0x00020035, 0x00020036, 0x00020102), b"OB"),
    **dict.fromkeys((SOP_CLASS, SOP_INSTANCE, TRANSFER_SYNTAX, 0x00020012), b"UI"),
    **dict.fromkeys((0x00020032, 0x00020033, 0x00020100), b"UI"),
    **dict.fromkeys((0x00020016, 0x00020017, 0x00020018), b"AE"),
    **dict.fromkeys((0x00020026, 0x00020027, 0x00020028), b"UR"),
    0x00020013: b"SH",
    0x00020037: b"UL",
    0x00020038: b"FD",
}
"""VRs of PS3.10 Table 7.1-1, so that the dictionary does not have to be loaded for them."""


class MetaElement(NamedTuple):
    """An element: its ``start``, the start of its ``value``, and its ``end``."""

    tag: int
    vr: bytes
    start: int
    value: int
    end: int


def iter_meta_elements(source: Source, position: int) -> Iterator[MetaElement]:
    """Iterate over elements up to the first one of another group.

    Args:
        source: The file.
        position: Where the first element starts.

    Raises:
        Malformed: The file ends inside an element.
        DatasetError: There are too many elements, or one cannot be read without guessing.
    """
    buffer, base = source.window(position)
    for _ in range(_MAX_ELEMENTS):
        at = position - base
        if at + 12 > len(buffer):
            buffer, base = source.window(position)
            at = position - base
        header = buffer[at : at + 12]
        if not header.startswith(_GROUP):
            return
        element = _parse_element(header, position, source.size)
        yield element
        position = element.end
    raise DatasetError(f"the File Meta Information has more than {_MAX_ELEMENTS} elements", hint=REWRITE_HINT)


def _parse_element(header: bytes, position: int, size: int) -> MetaElement:
    """Decode a header; if PS3.5 does not define its VR, assume the size of the one that it should have."""
    if len(header) < _START.size:
        raise Malformed("the file ends inside the File Meta Information", position)
    group, number, vr, length = _START.unpack_from(header)
    tag = group << 16 | number
    is_known = vr in _KNOWN_VRS
    form = vr if is_known else META_VRS.get(tag, b"OB")
    value = position + 8
    if form in LONG_VRS:
        if len(header) < 12:
            raise Malformed("the file ends inside the File Meta Information", position)
        (length,) = _U32.unpack_from(header, 8)
        value = position + 12
    if not is_known and not vr.isalpha() and header[6:8] == b"\0\0":
        raise DatasetError(
            f"{format_tag(tag)} is in implicit VR, but File Meta Information has to be in explicit VR (PS3.10 7.1)",
            hint=REWRITE_HINT,
        )
    if length == UNDEFINED_LENGTH:
        raise DatasetError(
            f"{format_tag(tag)} has an undefined length, which File Meta Information must not have (PS3.10 7.1)",
            hint=REWRITE_HINT,
        )
    if length > size - value:
        raise Malformed(f"the file ends inside {format_tag(tag)} of the File Meta Information", position)
    return MetaElement(tag, vr, position, value, value + length)


def has_same_value(source: Source, one: MetaElement, other: MetaElement) -> bool:
    """Whether two elements have the same value."""
    if one.end - one.value != other.end - other.value:
        return False
    return all(
        source.read(one.value + at, min(one.end, one.value + at + CHUNK_SIZE))
        == source.read(other.value + at, min(other.end, other.value + at + CHUNK_SIZE))
        for at in range(0, one.end - one.value, CHUNK_SIZE)
    )
