"""Writes data sets byte by byte, odd and hostile ones included, in any transfer syntax (PS3.5, PS3.10).

A data set is a sequence of nodes: `Value`, `Sequence` of `Item`, `Fragments`, `Raw`. Values are given in little endian
and written as they are: nothing is padded, sorted or checked. Lengths may be lies.

>>> encode([text(0x00100020, "LO", "12345"), Sequence(0x00081140, (Item((us(0x00280010, 7),)),))], EXPLICIT_LE)[:8]
b'\\x10\\x00 \\x00LO\\x06\\x00'
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from dcmseal import tags
from tests.support import tags as t

UNDEFINED = 0xFFFFFFFF
_LONG_VRS = frozenset("OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_WORD_SIZE = dict.fromkeys("AT OW SS US".split(), 2)
_WORD_SIZE |= dict.fromkeys("FL OF OL SL UL".split(), 4) | dict.fromkeys("FD OD OV SV UV".split(), 8)


@dataclass(frozen=True, slots=True)
class Syntax:
    """A transfer syntax, by what it does to the bytes."""

    uid: str
    implicit: bool = False
    big: bool = False
    deflated: bool = False


IMPLICIT_LE = Syntax("1.2.840.10008.1.2", implicit=True)
EXPLICIT_LE = Syntax("1.2.840.10008.1.2.1")
EXPLICIT_BE = Syntax("1.2.840.10008.1.2.2", big=True)
DEFLATED_LE = Syntax("1.2.840.10008.1.2.1.99", deflated=True)
JPEG_BASELINE = Syntax("1.2.840.10008.1.2.4.50")
RLE_LOSSLESS = Syntax("1.2.840.10008.1.2.5")
NATIVE_SYNTAXES = (EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE, DEFLATED_LE)


@dataclass(frozen=True, slots=True)
class Value:
    """A Data Element with a value; ``length`` replaces the true one in the header."""

    tag: int
    vr: str
    value: bytes = b""
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a sequence."""

    elements: tuple[Node, ...] = ()
    undefined: bool = False
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence; with ``vr="UN"`` its items are written in implicit VR little endian (PS3.5 6.2.2)."""

    tag: int
    items: tuple[Item, ...] = ()
    undefined: bool = False
    vr: str = "SQ"
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Fragments:
    """Encapsulated pixel data (PS3.5 A.4); the first fragment is the Basic Offset Table, empty or not."""

    tag: int = tags.PIXEL_DATA
    fragments: tuple[bytes, ...] = (b"",)
    vr: str = "OB"


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that stand in the data set as they are."""

    data: bytes


Node: TypeAlias = Value | Sequence | Fragments | Raw


def encode(nodes: Iterable[Node], syntax: Syntax = EXPLICIT_LE) -> bytes:
    """The bytes of the data set, before any deflating."""
    return b"".join(_node(node, syntax) for node in nodes)


def file(
    nodes: Iterable[Node],
    syntax: Syntax = EXPLICIT_LE,
    *,
    preamble: bytes | None = bytes(128),
    meta: bool = True,
    sop_class: str = "1.2.840.10008.5.1.4.1.1.7",
    sop_instance: str = "1.2.3.4",
    transfer_syntax: str = "",
    after: bytes = b"",
) -> bytes:
    """A DICOM file: preamble (None: neither preamble nor prefix), File Meta Information, data set, ``after``.

    ``transfer_syntax`` is a UID that the meta information claims instead of the true one.
    """
    body = encode(nodes, syntax)
    if syntax.deflated:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = packer.compress(body) + packer.flush()
        body += b"\0" if len(body) % 2 else b""
    head = b"" if preamble is None else preamble + b"DICM"
    if meta:
        information = encode(
            (
                Value(t.FILE_META_INFORMATION_VERSION, "OB", b"\0\1"),
                uid(t.MEDIA_STORAGE_SOP_CLASS_UID, sop_class),
                uid(t.MEDIA_STORAGE_SOP_INSTANCE_UID, sop_instance),
                uid(t.TRANSFER_SYNTAX_UID, transfer_syntax or syntax.uid),
                uid(t.IMPLEMENTATION_CLASS_UID, "1.2.3.4.5"),
            )
        )
        head += encode((ul(t.FILE_META_INFORMATION_GROUP_LENGTH, len(information)),)) + information
    return head + body + after


def text(tag: int, vr: str, value: str, *, encoding: str = "latin-1") -> Value:
    """A character string with minimal padding."""
    return Value(tag, vr, _even(value.encode(encoding), b" "))


def uid(tag: int, value: str) -> Value:
    """A UI value with minimal padding."""
    return Value(tag, "UI", _even(value.encode("ascii"), b"\0"))


def us(tag: int, *values: int) -> Value:
    """A US value."""
    return Value(tag, "US", struct.pack(f"<{len(values)}H", *values))


def ul(tag: int, *values: int) -> Value:
    """A UL value."""
    return Value(tag, "UL", struct.pack(f"<{len(values)}I", *values))


def at(tag: int, *values: int) -> Value:
    """An AT value: tags."""
    words = [word for value in values for word in (value >> 16, value & 0xFFFF)]
    return Value(tag, "AT", struct.pack(f"<{len(words)}H", *words))


def trailing_padding(size: int) -> Value:
    """Data Set Trailing Padding (FFFC,FFFC)."""
    return Value(tags.DATA_SET_TRAILING_PADDING, "OB", bytes(size))


def with_group_lengths(nodes: Iterable[Node], syntax: Syntax = EXPLICIT_LE) -> tuple[Node, ...]:
    """The nodes with a true group length element before each group, at every level; they must be in tag order."""
    groups: dict[int, list[Node]] = {}
    for node in nodes:
        if isinstance(node, Raw):
            raise TypeError("raw bytes belong to no group")
        if isinstance(node, Sequence):
            inner = IMPLICIT_LE if node.vr == "UN" else syntax
            items = tuple(replace(item, elements=with_group_lengths(item.elements, inner)) for item in node.items)
            groups.setdefault(node.tag >> 16, []).append(replace(node, items=items))
        else:
            groups.setdefault(node.tag >> 16, []).append(node)
    result: list[Node] = []
    for group, members in groups.items():
        result += [ul(group << 16, len(encode(members, syntax))), *members]
    return tuple(result)


SELECTOR_VALUES = {
    "AE": 0x0072005E, "AS": 0x0072005F, "AT": 0x00720060, "DA": 0x00720061, "CS": 0x00720062, "DT": 0x00720063,
    "IS": 0x00720064, "OB": 0x00720065, "LO": 0x00720066, "OF": 0x00720067, "LT": 0x00720068, "OW": 0x00720069,
    "PN": 0x0072006A, "TM": 0x0072006B, "SH": 0x0072006C, "UN": 0x0072006D, "ST": 0x0072006E, "UC": 0x0072006F,
    "UT": 0x00720070, "UR": 0x00720071, "DS": 0x00720072, "OD": 0x00720073, "FD": 0x00720074, "OL": 0x00720075,
    "FL": 0x00720076, "UL": 0x00720078, "US": 0x0072007A, "SL": 0x0072007C, "SS": 0x0072007E, "UI": 0x0072007F,
    "SQ": 0x00720080, "OV": 0x00720081, "SV": 0x00720082, "UV": 0x00720083,
}  # fmt: skip
"""One standard attribute for each of the 34 VRs: the Selector Value attributes of hanging protocols."""

_SAMPLES = {
    "AE": b"ARCHIVE ", "AS": b"042Y", "CS": b"ORIGINAL", "DA": b"20240131", "DS": b"-1.5\\2e3", "DT": b"20240131+0100 ",
    "IS": b"-7\\12 ", "LO": b"long string ", "LT": b"text", "PN": b"Doe^Jane", "SH": b"short ", "ST": b"text",
    "TM": b"120000", "UC": b"unlimited ", "UI": b"1.2.840.10008.1.2\0", "UR": b"urn:a ", "UT": b"text\r\n",
}  # fmt: skip


def all_vrs() -> tuple[Node, ...]:
    """One element of each of the 34 VRs, in tag order."""
    nodes: list[Node] = []
    for vr, tag in sorted(SELECTOR_VALUES.items(), key=lambda entry: entry[1]):
        if vr == "SQ":
            nodes.append(Sequence(tag, (Item((text(tags.CODE_VALUE, "SH", "code"),)),)))
        else:
            nodes.append(Value(tag, vr, _SAMPLES.get(vr, bytes(range(1, 17)))))
    return tuple(nodes)


def image(*extra: Node, instance: str = "1.2.3.4", pixels: bytes = bytes(range(16))) -> tuple[Node, ...]:
    """A minimal Secondary Capture image with ``extra`` elements, in tag order."""
    nodes: list[Node] = [
        uid(tags.SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.7"),
        uid(tags.SOP_INSTANCE_UID, instance),
        text(t.MODALITY, "CS", "OT"),
        text(t.PATIENT_NAME, "PN", "Doe^Jane"),
        text(t.PATIENT_ID, "LO", "4711"),
        uid(tags.STUDY_INSTANCE_UID, "1.2.3"),
        uid(tags.SERIES_INSTANCE_UID, "1.2.3.1"),
        us(tags.SAMPLES_PER_PIXEL, 1),
        text(0x00280004, "CS", "MONOCHROME2"),
        us(tags.ROWS, 4),
        us(tags.COLUMNS, 4),
        us(tags.BITS_ALLOCATED, 8),
        us(0x00280101, 8),
        us(0x00280102, 7),
        us(tags.PIXEL_REPRESENTATION, 0),
        Value(tags.PIXEL_DATA, "OW", pixels),
    ]
    given = {node.tag for node in extra if not isinstance(node, Raw)}
    kept = [node for node in nodes if not isinstance(node, Raw) and node.tag not in given]
    return in_order(*kept, *extra)


def in_order(*nodes: Node) -> tuple[Node, ...]:
    """The nodes sorted by tag; raw bytes go to the end."""
    return tuple(sorted(nodes, key=lambda node: 1 << 32 if isinstance(node, Raw) else node.tag))


def _node(node: Node, syntax: Syntax) -> bytes:
    if isinstance(node, Raw):
        return node.data
    if isinstance(node, Fragments):
        inner = b"".join(_item(tags.ITEM, len(data), syntax) + data for data in node.fragments)
        return _header(node.tag, node.vr, UNDEFINED, syntax) + inner + _item(tags.SEQUENCE_DELIMITATION_ITEM, 0, syntax)
    if isinstance(node, Sequence):
        content = IMPLICIT_LE if node.vr == "UN" else syntax
        body = b"".join(_one_item(item, content) for item in node.items)
        if node.undefined:
            body += _item(tags.SEQUENCE_DELIMITATION_ITEM, 0, content)
        length = UNDEFINED if node.undefined else len(body)
        return _header(node.tag, node.vr, length if node.length is None else node.length, syntax) + body
    length = len(node.value) if node.length is None else node.length
    return _header(node.tag, node.vr, length, syntax) + _swapped(node.vr, node.value, syntax)


def _one_item(item: Item, syntax: Syntax) -> bytes:
    body = encode(item.elements, syntax)
    length = UNDEFINED if item.undefined else len(body)
    if item.undefined:
        body += _item(tags.ITEM_DELIMITATION_ITEM, 0, syntax)
    return _item(tags.ITEM, length if item.length is None else item.length, syntax) + body


def _header(tag: int, vr: str, length: int, syntax: Syntax) -> bytes:
    order = ">" if syntax.big else "<"
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if syntax.implicit:
        return head + struct.pack(order + "I", length)
    if vr in _LONG_VRS:
        return head + vr.encode("latin-1") + b"\0\0" + struct.pack(order + "I", length)
    return head + vr.encode("latin-1") + struct.pack(order + "H", length)


def _item(tag: int, length: int, syntax: Syntax) -> bytes:
    return struct.pack(">HHI" if syntax.big else "<HHI", tag >> 16, tag & 0xFFFF, length)


def _swapped(vr: str, value: bytes, syntax: Syntax) -> bytes:
    size = _WORD_SIZE.get(vr, 1) if syntax.big else 1
    return value if size == 1 else b"".join(value[at : at + size][::-1] for at in range(0, len(value), size))


def _even(value: bytes, pad: bytes) -> bytes:
    return value + pad if len(value) % 2 else value
