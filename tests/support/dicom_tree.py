"""Reads a DICOM file into a plain tree, slowly and obviously (PS3.5 chapter 7, PS3.10).

One half of the reference encoder, and independent of the package under test. Values end up in little endian byte
order, whatever the file has.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
IMPLICIT_LE, EXPLICIT_LE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DEFLATED_LE, EXPLICIT_BE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"

# PS3.5 7.1.2: these have two reserved bytes and a length of four bytes.
LONG_VRS = frozenset("OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
WORD_SIZE = {
    "AT": 2, "OW": 2, "SS": 2, "US": 2,
    "FL": 4, "OF": 4, "OL": 4, "SL": 4, "UL": 4,
    "FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TreeElement:
    """A Data Element: with a value, the items of a sequence, or the fragments of encapsulated pixel data."""

    tag: int
    vr: str
    value: bytes = b""
    items: tuple[Dataset, ...] | None = None
    fragments: tuple[bytes, ...] | None = None
    """The Basic Offset Table comes first."""


Dataset: TypeAlias = tuple[TreeElement, ...]
"""Data Elements as they follow one another in the file."""

ImplicitVr: TypeAlias = Callable[[int, Dataset], str]
"""Names the VR of a tag in implicit VR, given the elements before it in the same data set."""


@dataclass(frozen=True, slots=True)
class File:
    """A file: its Data Set, its Transfer Syntax UID, and the File Meta Information."""

    dataset: Dataset
    transfer_syntax: str
    meta: Dataset = ()


class Unreadable(ValueError):
    """The bytes are not a data set in the transfer syntax."""


def parse_file(
    data: bytes, *, transfer_syntax: str = "", implicit_vr: ImplicitVr | None = None, unknown_sequences: str = "SQ"
) -> File:
    """Read a file with or without preamble and File Meta Information; ``transfer_syntax`` overrules what it says.

    ``unknown_sequences`` is the VR that elements of unknown VR and undefined length get: DCMTK takes them for
    sequences; to the letter of PS3.3 C.12.1.1.3.1.1 they stay UN, which cannot be signed.
    """
    body = data[132:] if data[128:132] == b"DICM" else data
    meta: Dataset = ()
    if body[:2] == b"\x02\x00":
        meta, used = _TreeReader(body, table=_default_table()).meta()
        body = body[used:]
    named = find(meta, 0x00020010)
    syntax = transfer_syntax or (text(named) if named else _guess(body))
    if syntax == DEFLATED_LE:
        body = zlib.decompress(body, wbits=-zlib.MAX_WBITS)
    dataset = parse_dataset(body, syntax, implicit_vr=implicit_vr, unknown_sequences=unknown_sequences)
    return File(dataset, syntax, meta)


def parse_dataset(
    data: bytes, transfer_syntax: str, *, implicit_vr: ImplicitVr | None = None, unknown_sequences: str = "SQ"
) -> Dataset:
    """Read the bytes of a Data Set that is not deflated (any more)."""
    table = implicit_vr or _default_table()
    reader = _TreeReader(
        data,
        big=transfer_syntax == EXPLICIT_BE,
        implicit=transfer_syntax == IMPLICIT_LE,
        table=table,
        unknown_sequences=unknown_sequences,
    )
    elements, end = reader.dataset(0, len(data), until_delimiter=False)
    if end != len(data):
        raise Unreadable(f"{len(data) - end} bytes left over")
    return elements


def find(dataset: Dataset, tag: int) -> TreeElement | None:
    """The first element of that tag."""
    return next((element for element in dataset if element.tag == tag), None)


def text(element: TreeElement) -> str:
    """The value of a character string of the default repertoire, less padding."""
    return element.value.decode("latin-1").strip(" \0")


def _default_table() -> ImplicitVr:
    from tests.support.dcmtk_vrs import implicit_vr

    return implicit_vr


def _guess(body: bytes) -> str:
    group_le, group_be = struct.unpack("<H", body[:2])[0], struct.unpack(">H", body[:2])[0]
    if not body[4:6].isalpha() or not body[4:6].isupper():
        return IMPLICIT_LE
    return EXPLICIT_LE if group_le <= group_be else EXPLICIT_BE


class _TreeReader:
    """Walks the bytes; every method takes a position and gives back what it read and the position after it."""

    def __init__(
        self,
        data: bytes,
        *,
        table: ImplicitVr,
        big: bool = False,
        implicit: bool = False,
        unknown_sequences: str = "SQ",
    ) -> None:
        self.data, self.table, self.big, self.implicit = data, table, big, implicit
        self.unknown_sequences = unknown_sequences
        self.order = ">" if big else "<"

    def meta(self) -> tuple[Dataset, int]:
        elements, position = [], 0
        while self.data[position : position + 2] == b"\x02\x00":
            element, position = self.element(position, len(self.data), ())
            elements.append(element)
        return tuple(elements), position

    def number(self, code: str, position: int, end: int) -> int:
        if position + struct.calcsize(code) > end:
            raise Unreadable(f"cut short at {position}")
        value: int = struct.unpack_from(self.order + code, self.data, position)[0]
        return value

    def tag(self, position: int, end: int) -> int:
        return self.number("H", position, end) << 16 | self.number("H", position + 2, end)

    def dataset(self, position: int, end: int, *, until_delimiter: bool) -> tuple[Dataset, int]:
        elements: list[TreeElement] = []
        while position < end:
            if until_delimiter and self.tag(position, end) == ITEM_END:
                return tuple(elements), position + 8
            element, position = self.element(position, end, tuple(elements))
            elements.append(element)
        if until_delimiter:
            raise Unreadable("an item without its delimiter")
        return tuple(elements), position

    def element(self, position: int, end: int, before: Dataset) -> tuple[TreeElement, int]:
        tag = self.tag(position, end)
        if self.implicit:
            vr, length, start = self.table(tag, before), self.number("I", position + 4, end), position + 8
        else:
            vr = self.data[position + 4 : position + 6].decode("latin-1")
            if vr in LONG_VRS:
                length, start = self.number("I", position + 8, end), position + 12
            else:
                length, start = self.number("H", position + 6, end), position + 8
        if length == UNDEFINED and (self.implicit or vr == "UN"):
            return self.undefined_without_vr(tag, vr, start, end)
        if vr == "SQ":
            items, position = self.items(start, end, length)
            return TreeElement(tag, "SQ", items=items), position
        if length == UNDEFINED:
            fragments, position = self.fragments(start, end)
            return TreeElement(tag, vr, fragments=fragments), position
        if start + length > end:
            raise Unreadable(f"({tag:08X}) runs past the end")
        if self.implicit and vr not in LONG_VRS and length > 0xFFFE:
            vr = "UN"  # PS3.5 6.2.2: in explicit VR the value would not fit
        return TreeElement(tag, vr, self.little(vr, self.data[start : start + length])), start + length

    def undefined_without_vr(self, tag: int, vr: str, start: int, end: int) -> tuple[TreeElement, int]:
        """Undefined length makes it a sequence; under UN its items are implicit VR little endian (PS3.5 6.2.2)."""
        inner = _TreeReader(self.data, table=self.table, implicit=True, unknown_sequences=self.unknown_sequences)
        items, position = inner.items(start, end, UNDEFINED)
        return TreeElement(tag, self.unknown_sequences if vr == "UN" else "SQ", items=items), position

    def items(self, position: int, end: int, length: int) -> tuple[tuple[Dataset, ...], int]:
        items: list[Dataset] = []
        last = end if length == UNDEFINED else position + length
        if last > end:
            raise Unreadable("a sequence runs past the end")
        while position < last:
            tag, size = self.tag(position, last), self.number("I", position + 4, last)
            position += 8
            if tag == SEQUENCE_END:
                return tuple(items), position
            if tag != ITEM:
                raise Unreadable(f"({tag:08X}) where an item was due")
            stop = last if size == UNDEFINED else position + size
            if stop > last:
                raise Unreadable("an item runs past the end")
            item, position = self.dataset(position, stop, until_delimiter=size == UNDEFINED)
            items.append(item)
        if length == UNDEFINED:
            raise Unreadable("a sequence without its delimiter")
        return tuple(items), position

    def fragments(self, position: int, end: int) -> tuple[tuple[bytes, ...], int]:
        fragments: list[bytes] = []
        while True:
            tag, size = self.tag(position, end), self.number("I", position + 4, end)
            position += 8
            if tag == SEQUENCE_END:
                return tuple(fragments), position
            if tag != ITEM or position + size > end:
                raise Unreadable("broken fragments")
            fragments.append(self.data[position : position + size])
            position += size

    def little(self, vr: str, value: bytes) -> bytes:
        size = WORD_SIZE.get(vr, 1)
        if not self.big or size == 1:
            return value
        return b"".join(value[at : at + size][::-1] for at in range(0, len(value), size))
