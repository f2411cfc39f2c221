"""Changes of a Data Set: VRs, lengths, delimiters, and elements put in, moved or taken out."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random
from typing import Final

from dcmseal import tags
from tests.differential.file_layout import Layout, LayoutEdit, LayoutPart
from tests.differential.guided_carriers import (
    ambiguous_items,
    ambiguous_length,
    make_guided_carrier,
    odd_in_an_item,
    size_of_another_value,
    unknown_vr,
)
from tests.differential.payloads import ODD_VRS, VRS, carrier, content, evil, header, mark, marks
from tests.support import builder as b

ChangeResult = tuple[list[LayoutEdit], str]
Change = Callable[[Random, Layout], "ChangeResult | None"]


def describe_part(part: LayoutPart) -> str:
    return f"{part.tag:08X} at {part.start}"


def _change_vr(random: Random, layout: Layout) -> ChangeResult | None:
    parts = [part for part in layout.parts if part.vr_at is not None]
    if not parts:
        return None
    part = random.choice(parts)
    old = part.vr.encode()
    style = random.randrange(5)
    if style == 0:
        vr = random.choice(VRS).encode()
    elif style == 1:
        at, bit = random.randrange(2), 1 << random.randrange(8)
        vr = bytes(byte ^ (bit if number == at else 0) for number, byte in enumerate(old))
    elif style == 2:
        vr = random.choice(ODD_VRS).encode("latin-1")
    else:
        # the form of the header changes with the VR
        name = random.choice(VRS)
        new = header(part.tag, name, part.length, layout.syntax)
        return [LayoutEdit(part.start, part.value, new)], f"{describe_part(part)}: header of VR {name}"
    assert part.vr_at is not None
    return [LayoutEdit(part.vr_at, part.vr_at + 2, vr)], f"{describe_part(part)}: VR {vr!r}"


def _change_length(random: Random, layout: Layout) -> ChangeResult:
    part = random.choice(layout.parts)
    size = 1 << 8 * part.length_size
    outer = [layout.parts[number].end for number in part.around] or [len(layout.body)]
    later = [other.start for other in layout.parts if other.start > part.start] or [len(layout.body)]
    length = random.choice(
        (
            b.UNDEFINED, part.length + 1, part.length - 1, part.length + 2, part.length - 2, 0, 10, 13, 8,
            0xFFFF, 0xFFFE, random.choice(outer) - part.value, len(layout.body) - part.value,
            random.choice(later) - part.value, part.length + 8, part.length - 8, part.end - part.value,
            part.length ^ 1 << random.randrange(32),
        )
    ) % size  # fmt: skip
    code = layout.order + ("H" if part.length_size == 2 else "I")
    return [
        LayoutEdit(part.length_at, part.value, struct.pack(code, length))
    ], f"{describe_part(part)}: length {length}"


def _toggle_undefined(random: Random, layout: Layout) -> ChangeResult | None:
    """Undefined length with a delimiter, for any VR that has four bytes of length; or the reverse."""
    parts = [part for part in layout.parts if part.length_size == 4 and part.value <= part.end and part.length]
    if not parts:
        return None
    part = random.choice(parts)
    end = mark(
        tags.ITEM_DELIMITATION_ITEM if part.tag == tags.ITEM else tags.SEQUENCE_DELIMITATION_ITEM, 0, layout.syntax
    )
    code = layout.order + "I"
    if part.is_undefined:
        inside = part.end - 8 - part.value
        edits = [
            LayoutEdit(part.length_at, part.value, struct.pack(code, inside)),
            LayoutEdit(part.end - 8, part.end, b""),
        ]
        return edits, f"{describe_part(part)}: defined length"
    value = layout.body[part.value : part.end]
    if random.random() < 0.5 and part.is_element:
        value = mark(tags.ITEM, len(value), layout.syntax) + value
    new = struct.pack(code, b.UNDEFINED) + value + end
    return [LayoutEdit(part.length_at, part.end, new)], f"{describe_part(part)}: undefined length"


def _choose_position(random: Random, layout: Layout) -> int:
    """Where something can be put in: before or behind a part, or at the start or end of what one holds."""
    part = random.choice(layout.parts)
    return random.choice(
        (part.start, part.start, part.end, part.value, part.end - 8 if part.is_undefined else part.end)
    )


def _insert_at(at: int, data: bytes, random: Random) -> LayoutEdit:
    return LayoutEdit(at, at, data, fit=random.random() < 0.85, within=random.random() < 0.3)


def _add_carrier(random: Random, layout: Layout) -> ChangeResult:
    at = _choose_position(random, layout)
    inner = [part for part in layout.parts if part.start <= at < part.end and part.around]
    ends = [part.end for part in layout.parts if part.end > at] or [len(layout.body)]
    rest = random.choice((len(layout.body), *ends)) - at
    data, what = carrier(random, layout.syntax, rest)
    level = f"{len(inner[-1].around)} deep" if inner else "main"
    return [_insert_at(at, data, random)], f"carrier {what} at {at}, {level}"


def _insert(random: Random, layout: Layout) -> ChangeResult:
    at = _choose_position(random, layout)
    data = random.choice((marks, evil))(random, layout.syntax)
    return [_insert_at(at, data, random)], f"{data.hex()} put in at {at}"


def _replace_value(random: Random, layout: Layout) -> ChangeResult:
    """The value of an element, replaced by something with marks in it."""
    part = random.choice([part for part in layout.parts if part.is_element])
    data = content(random, layout.syntax, len(layout.body) - part.end)
    data = data[: 0xFFFE if part.length_size == 2 else None]
    code = layout.order + ("H" if part.length_size == 2 else "I")
    length = b.UNDEFINED if part.is_undefined else len(data)
    new = struct.pack(code, length) + data
    return [LayoutEdit(part.length_at, part.end, new)], f"{describe_part(part)}: another value"


def _copy(random: Random, layout: Layout) -> ChangeResult:
    part, at = random.choice(layout.parts), _choose_position(random, layout)
    return [_insert_at(at, layout.body[part.start : part.end], random)], f"{describe_part(part)} again at {at}"


def _copy_with_other_value(random: Random, layout: Layout) -> ChangeResult:
    part = random.choice([part for part in layout.parts if part.is_element and not part.is_undefined])
    at = random.choice((part.start, part.end, _choose_position(random, layout), 0, len(layout.body)))
    data = layout.body[part.start : part.value] + bytes(byte ^ 1 for byte in layout.body[part.value : part.end])
    return [_insert_at(at, data, random)], f"{describe_part(part)} with another value at {at}"


def _move(random: Random, layout: Layout) -> ChangeResult:
    part, at = random.choice(layout.parts), _choose_position(random, layout)
    data = layout.body[part.start : part.end]
    return [LayoutEdit(part.start, part.end, b""), _insert_at(at, data, random)], f"{describe_part(part)} moved to {at}"


def _delete(random: Random, layout: Layout) -> ChangeResult:
    part = random.choice(layout.parts)
    return [LayoutEdit(part.start, part.end, b"", fit=random.random() < 0.8)], f"{describe_part(part)} taken out"


def _change_reserved(random: Random, layout: Layout) -> ChangeResult | None:
    parts = [part for part in layout.parts if part.vr_at is not None and part.value - part.start == 12]
    if not parts:
        return None
    part = random.choice(parts)
    at = part.start + 6
    data = random.choice((b"\0\1", b"\1\0", b"\4\0", b"\xff\xff", b"  ", b"\x10\0"))
    return [LayoutEdit(at, at + 2, data)], f"{describe_part(part)}: reserved bytes {data.hex()}"


def _change_tag(random: Random, layout: Layout) -> ChangeResult:
    part = random.choice(layout.parts)
    at, bit = random.randrange(4), 1 << random.randrange(8)
    data = bytes(
        byte ^ (bit if number == at else 0) for number, byte in enumerate(layout.body[part.start : part.start + 4])
    )
    return [LayoutEdit(part.start, part.start + 4, data)], f"{describe_part(part)}: tag {data.hex()}"


def _change_delimiter_length(random: Random, layout: Layout) -> ChangeResult | None:
    parts = [
        part for part in layout.parts if part.tag in (tags.ITEM_DELIMITATION_ITEM, tags.SEQUENCE_DELIMITATION_ITEM)
    ]
    if not parts:
        return None
    part = random.choice(parts)
    length = random.choice((1, 2, 4, 8, 12, 16, 100, len(layout.body) - part.end, b.UNDEFINED))
    return [
        LayoutEdit(part.length_at, part.value, struct.pack(layout.order + "I", length))
    ], f"{describe_part(part)}: length {length}"


def _change_fragments(random: Random, layout: Layout) -> ChangeResult | None:
    holders = [number for number, part in enumerate(layout.parts) if part.is_undefined and part.vr in ("OB", "OW")]
    if not holders:
        return None
    parts = [part for part in layout.parts if part.around and part.around[-1] in holders and part.tag == tags.ITEM]
    part = random.choice(parts)
    value = layout.body[part.value : part.end]
    style = random.randrange(7)
    cut = random.randrange(0, len(value) + 1)
    tag = random.choice(
        (tags.ITEM, tags.ITEM, tags.ITEM_DELIMITATION_ITEM, tags.SEQUENCE_DELIMITATION_ITEM, 0x7FE10010)
    )
    new = {
        0: mark(tags.ITEM, cut) + value[:cut] + mark(tags.ITEM, len(value) - cut) + value[cut:],
        1: mark(tags.ITEM, len(value) + 8) + value + mark(tag),
        2: mark(tags.ITEM, len(value) + 1) + value + b"\0",
        3: mark(tags.ITEM, 8) + struct.pack("<II", 0, random.randrange(64)),
        4: mark(tags.ITEM) + mark(tags.ITEM, len(value)) + value,
        5: mark(tags.ITEM, b.UNDEFINED) + value + mark(tags.ITEM_DELIMITATION_ITEM),
        6: mark(tags.ITEM, len(value)) + value + mark(tag, random.choice((0, 4))),
    }[style]
    return [LayoutEdit(part.start, part.end, new)], f"{describe_part(part)}: fragment, style {style}"


def _change_bytes(random: Random, layout: Layout) -> ChangeResult:
    """A byte of a header, or of a short value."""
    part = random.choice(layout.parts)
    at = random.randrange(part.start, max(part.start + 1, min(part.end, part.value + 16)))
    data = bytes((layout.body[at] ^ 1 << random.randrange(8),))
    return [LayoutEdit(at, at + 1, data)], f"{describe_part(part)}: byte {at - part.start} is {data.hex()}"


CHANGES: Final[dict[Change, int]] = {
    _change_vr: 8,
    _change_length: 8,
    _toggle_undefined: 8,
    _add_carrier: 10,
    make_guided_carrier: 30,
    ambiguous_length: 3,
    ambiguous_items: 3,
    unknown_vr: 3,
    odd_in_an_item: 3,
    size_of_another_value: 3,
    _insert: 8,
    _replace_value: 4,
    _copy: 4,
    _copy_with_other_value: 6,
    _move: 4,
    _delete: 4,
    _change_reserved: 4,
    _change_tag: 4,
    _change_delimiter_length: 3,
    _change_fragments: 6,
    _change_bytes: 4,
}
"""How often each is drawn."""
