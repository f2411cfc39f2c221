"""Where the elements, items and delimiters of a file stand, so that each can be changed by itself.

Only files that are sound come here: those that the tests sign.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from dcmseal import tags
from tests.support import builder as b
from tests.support import tags as t
from tests.support.dcmtk_vrs import implicit_vr
from tests.support.dicom_tree import LONG_VRS

_META_START: Final = 132


@dataclass(frozen=True, slots=True)
class LayoutPart:
    """An element, item, fragment or delimiter; ``around`` are the indexes of what it stands in, outermost first."""

    tag: int
    vr: str
    start: int
    value: int
    end: int
    """Its delimiter included."""
    length: int
    """As it stands in the header."""
    implicit: bool
    around: tuple[int, ...] = ()

    @property
    def length_at(self) -> int:
        return self.value - self.length_size

    @property
    def length_size(self) -> int:
        return 2 if self.vr and not self.implicit and self.vr not in LONG_VRS else 4

    @property
    def vr_at(self) -> int | None:
        return self.start + 4 if self.vr and not self.implicit else None

    @property
    def is_element(self) -> bool:
        return self.tag >> 16 != 0xFFFE

    @property
    def is_undefined(self) -> bool:
        return self.length == b.UNDEFINED and self.length_size == 4


@dataclass(frozen=True, slots=True)
class LayoutEdit:
    """Bytes that come in the place of others; with ``fit``, the defined lengths around them are corrected."""

    start: int
    end: int
    data: bytes
    fit: bool = True
    within: bool = False
    """At the end of something: whether this still belongs to it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A file taken apart: preamble, File Meta Information, and the Data Set, inflated."""

    head: bytes
    body: bytes
    syntax: b.Syntax
    meta: tuple[LayoutPart, ...]
    """Parts of ``head``."""
    parts: tuple[LayoutPart, ...]
    """Parts of ``body``."""

    @property
    def order(self) -> str:
        return ">" if self.syntax.big else "<"

    def apply_edits(self, edits: Iterable[LayoutEdit], tail: bytes = b"") -> bytes:
        """The file with changes to its Data Set; of changes that overlap the first counts."""
        return self.head + pack(apply_edits(self.body, self.parts, edits, self.order), self.syntax) + tail


def pack(body: bytes, syntax: b.Syntax) -> bytes:
    """A Data Set as it stands in the file."""
    if not syntax.deflated:
        return body
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    result = packer.compress(body) + packer.flush()
    return result + bytes(len(result) % 2)


def apply_edits(body: bytes, parts: tuple[LayoutPart, ...], edits: Iterable[LayoutEdit], order: str) -> bytes:
    """Bytes with changes made, and the lengths around them corrected where that is wanted."""
    grown: dict[int, int] = {}
    for edit in edits:
        if not edit.fit:
            continue
        for number, part in enumerate(parts):
            holds = (part.tag == tags.ITEM or part.vr in ("SQ", "UN")) and not part.is_undefined
            if holds and _is_inside(edit, part):
                grown[number] = grown.get(number, 0) + len(edit.data) - (edit.end - edit.start)
    made = list(edits)
    for number, size in grown.items():
        part = parts[number]
        code = order + ("H" if part.length_size == 2 else "I")
        length = (part.length + size) % (1 << 8 * part.length_size)
        made.append(LayoutEdit(part.length_at, part.value, struct.pack(code, length)))
    result, at = [], 0
    for edit in sorted(made, key=lambda each: (each.start, each.end)):
        if edit.start < at:
            continue
        result += [body[at : edit.start], edit.data]
        at = edit.end
    return b"".join((*result, body[at:]))


def _is_inside(edit: LayoutEdit, part: LayoutPart) -> bool:
    if edit.start < part.value or edit.end > part.end:
        return False
    return edit.start < part.end or edit.within


def parse_layout(data: bytes) -> Layout:
    """Take a file apart."""
    start = _META_START if data[128:132] == b"DICM" else 0
    meta = tuple(_LayoutReader(data, b.EXPLICIT_LE).meta(start))
    end = meta[-1].end if meta else start
    uid = next(
        (data[part.value : part.end].rstrip(b"\0 ").decode() for part in meta if part.tag == t.TRANSFER_SYNTAX_UID), ""
    )
    syntax = b.Syntax(
        uid or b.EXPLICIT_LE.uid,
        implicit=uid == b.IMPLICIT_LE.uid,
        big=uid == "1.2.840.10008.1.2.2",
        deflated=uid == "1.2.840.10008.1.2.1.99",
    )
    body = zlib.decompress(data[end:], wbits=-15) if syntax.deflated else data[end:]
    reader = _LayoutReader(body, syntax)
    reader.level(0, len(body), implicit=syntax.implicit, around=())
    return Layout(data[:end], body, syntax, meta, tuple(reader.parts))


@dataclass(slots=True)
class _LayoutReader:
    data: bytes
    syntax: b.Syntax
    parts: list[LayoutPart] = field(default_factory=list)

    def meta(self, at: int) -> Iterator[LayoutPart]:
        while self.data[at : at + 2] == b"\x02\x00":
            part = self.header(at, implicit=False)
            yield part
            at = part.end

    def header(self, at: int, *, implicit: bool) -> LayoutPart:
        order = ">" if self.syntax.big and not implicit else "<"
        group, element = struct.unpack_from(order + "HH", self.data, at)
        tag = group << 16 | element
        vr = "" if group == 0xFFFE else implicit_vr(tag, ()) if implicit else self.data[at + 4 : at + 6].decode()
        is_short = vr and not implicit and vr not in LONG_VRS
        code, where = ("H", 6) if is_short else ("I", 8 if vr and not implicit else 4)
        (length,) = struct.unpack_from(order + code, self.data, at + where)
        value = at + where + struct.calcsize(code)
        return LayoutPart(tag, vr, at, value, value if length == b.UNDEFINED else value + length, length, implicit)

    def level(self, at: int, end: int, *, implicit: bool, around: tuple[int, ...]) -> int:
        """Read the parts of a Data Set, sequence or item; up to a delimiter if ``end`` is UNDEFINED."""
        while at < min(end, len(self.data)):
            part = replace(self.header(at, implicit=implicit), around=around)
            number = len(self.parts)
            if part.tag in (tags.ITEM_DELIMITATION_ITEM, tags.SEQUENCE_DELIMITATION_ITEM):
                # the length of a delimiter says nothing, so that its end is that of its header
                self.parts.append(replace(part, end=part.value))
                return part.value
            self.parts.append(part)
            holds = part.vr == "SQ" or part.is_undefined or (part.tag == tags.ITEM and self.holds_elements(around))
            if holds:
                inner = implicit or (part.vr == "UN" and part.is_undefined)
                stop = b.UNDEFINED if part.is_undefined else part.end
                ended = self.level(part.value, stop, implicit=inner, around=(*around, number))
                self.parts[number] = replace(part, end=ended)
            at = self.parts[number].end
        return at

    def holds_elements(self, around: tuple[int, ...]) -> bool:
        """Whether an item here is one of a sequence, and no fragment."""
        holder = self.parts[around[-1]]
        return holder.vr in ("SQ", "UN")
