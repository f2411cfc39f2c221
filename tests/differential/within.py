"""Changes of a Data Set: VRs, lengths, delimiters, and elements put in, moved or taken out."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random
from typing import Final

from tests.differential.guided import (
    guided,
    length_taken_otherwise,
    odd_in_an_item,
    size_of_another_value,
    taken_for_items,
    vr_not_known,
)
from tests.differential.layout import ITEM, ITEM_END, SEQUENCE_END, Edit, Layout, Part
from tests.differential.payloads import ODD_VRS, VRS, carrier, content, evil, header, mark, marks
from tests.support.builder import UNDEFINED

Made = tuple[list[Edit], str]
Change = Callable[[Random, Layout], "Made | None"]


def named(part: Part) -> str:
    return f"{part.tag:08X} at {part.start}"


def _vr_changed(random: Random, layout: Layout) -> Made | None:
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
        return [Edit(part.start, part.value, new)], f"{named(part)}: header of VR {name}"
    assert part.vr_at is not None
    return [Edit(part.vr_at, part.vr_at + 2, vr)], f"{named(part)}: VR {vr!r}"


def _length_changed(random: Random, layout: Layout) -> Made:
    part = random.choice(layout.parts)
    size = 1 << 8 * part.length_size
    outer = [layout.parts[number].end for number in part.around] or [len(layout.body)]
    later = [other.start for other in layout.parts if other.start > part.start] or [len(layout.body)]
    length = random.choice(
        (
            UNDEFINED, part.length + 1, part.length - 1, part.length + 2, part.length - 2, 0, 10, 13, 8, 0xFFFF, 0xFFFE,
            random.choice(outer) - part.value, len(layout.body) - part.value, random.choice(later) - part.value,
            part.length + 8, part.length - 8, part.end - part.value, part.length ^ 1 << random.randrange(32),
        )
    ) % size  # fmt: skip
    code = layout.order + ("H" if part.length_size == 2 else "I")
    return [Edit(part.length_at, part.value, struct.pack(code, length))], f"{named(part)}: length {length}"


def _undefined_made_sound(random: Random, layout: Layout) -> Made | None:
    """Undefined length with a delimiter, for any VR that has four bytes of length; or the reverse."""
    parts = [part for part in layout.parts if part.length_size == 4 and part.value <= part.end and part.length]
    if not parts:
        return None
    part = random.choice(parts)
    end = mark(ITEM_END if part.tag == ITEM else SEQUENCE_END, 0, layout.syntax)
    code = layout.order + "I"
    if part.is_undefined:
        inside = part.end - 8 - part.value
        edits = [Edit(part.length_at, part.value, struct.pack(code, inside)), Edit(part.end - 8, part.end, b"")]
        return edits, f"{named(part)}: defined length"
    value = layout.body[part.value : part.end]
    if random.random() < 0.5 and part.is_element:
        value = mark(ITEM, len(value), layout.syntax) + value
    new = struct.pack(code, UNDEFINED) + value + end
    return [Edit(part.length_at, part.end, new)], f"{named(part)}: undefined length"


def _place(random: Random, layout: Layout) -> int:
    """Where something can be put in: before or behind a part, or at the start or end of what one holds."""
    part = random.choice(layout.parts)
    return random.choice(
        (part.start, part.start, part.end, part.value, part.end - 8 if part.is_undefined else part.end)
    )


def _put_in(at: int, data: bytes, random: Random) -> Edit:
    return Edit(at, at, data, fit=random.random() < 0.85, within=random.random() < 0.3)


def _carrier(random: Random, layout: Layout) -> Made:
    at = _place(random, layout)
    inner = [part for part in layout.parts if part.start <= at < part.end and part.around]
    ends = [part.end for part in layout.parts if part.end > at] or [len(layout.body)]
    rest = random.choice((len(layout.body), *ends)) - at
    data, what = carrier(random, layout.syntax, rest)
    level = f"{len(inner[-1].around)} deep" if inner else "main"
    return [_put_in(at, data, random)], f"carrier {what} at {at}, {level}"


def _inserted(random: Random, layout: Layout) -> Made:
    at = _place(random, layout)
    data = random.choice((marks, evil))(random, layout.syntax)
    return [_put_in(at, data, random)], f"{data.hex()} put in at {at}"


def _replaced(random: Random, layout: Layout) -> Made:
    """The value of an element, replaced by something with marks in it."""
    part = random.choice([part for part in layout.parts if part.is_element])
    data = content(random, layout.syntax, len(layout.body) - part.end)
    data = data[: 0xFFFE if part.length_size == 2 else None]
    code = layout.order + ("H" if part.length_size == 2 else "I")
    length = UNDEFINED if part.is_undefined else len(data)
    new = struct.pack(code, length) + data
    return [Edit(part.length_at, part.end, new)], f"{named(part)}: another value"


def _copied(random: Random, layout: Layout) -> Made:
    part, at = random.choice(layout.parts), _place(random, layout)
    return [_put_in(at, layout.body[part.start : part.end], random)], f"{named(part)} again at {at}"


def _copied_with_other_value(random: Random, layout: Layout) -> Made:
    part = random.choice([part for part in layout.parts if part.is_element and not part.is_undefined])
    at = random.choice((part.start, part.end, _place(random, layout), 0, len(layout.body)))
    data = layout.body[part.start : part.value] + bytes(byte ^ 1 for byte in layout.body[part.value : part.end])
    return [_put_in(at, data, random)], f"{named(part)} with another value at {at}"


def _moved(random: Random, layout: Layout) -> Made:
    part, at = random.choice(layout.parts), _place(random, layout)
    data = layout.body[part.start : part.end]
    return [Edit(part.start, part.end, b""), _put_in(at, data, random)], f"{named(part)} moved to {at}"


def _deleted(random: Random, layout: Layout) -> Made:
    part = random.choice(layout.parts)
    return [Edit(part.start, part.end, b"", fit=random.random() < 0.8)], f"{named(part)} taken out"


def _reserved_bytes(random: Random, layout: Layout) -> Made | None:
    parts = [part for part in layout.parts if part.vr_at is not None and part.value - part.start == 12]
    if not parts:
        return None
    part = random.choice(parts)
    at = part.start + 6
    data = random.choice((b"\0\1", b"\1\0", b"\4\0", b"\xff\xff", b"  ", b"\x10\0"))
    return [Edit(at, at + 2, data)], f"{named(part)}: reserved bytes {data.hex()}"


def _tag_changed(random: Random, layout: Layout) -> Made:
    part = random.choice(layout.parts)
    at, bit = random.randrange(4), 1 << random.randrange(8)
    data = bytes(
        byte ^ (bit if number == at else 0) for number, byte in enumerate(layout.body[part.start : part.start + 4])
    )
    return [Edit(part.start, part.start + 4, data)], f"{named(part)}: tag {data.hex()}"


def _delimiter_length(random: Random, layout: Layout) -> Made | None:
    parts = [part for part in layout.parts if part.tag in (ITEM_END, SEQUENCE_END)]
    if not parts:
        return None
    part = random.choice(parts)
    length = random.choice((1, 2, 4, 8, 12, 16, 100, len(layout.body) - part.end, UNDEFINED))
    return [
        Edit(part.length_at, part.value, struct.pack(layout.order + "I", length))
    ], f"{named(part)}: length {length}"


def _fragments(random: Random, layout: Layout) -> Made | None:
    holders = [number for number, part in enumerate(layout.parts) if part.is_undefined and part.vr in ("OB", "OW")]
    if not holders:
        return None
    parts = [part for part in layout.parts if part.around and part.around[-1] in holders and part.tag == ITEM]
    part = random.choice(parts)
    value = layout.body[part.value : part.end]
    style = random.randrange(7)
    cut = random.randrange(0, len(value) + 1)
    tag = random.choice((ITEM, ITEM, ITEM_END, SEQUENCE_END, 0x7FE10010))
    new = {
        0: mark(ITEM, cut) + value[:cut] + mark(ITEM, len(value) - cut) + value[cut:],
        1: mark(ITEM, len(value) + 8) + value + mark(tag),
        2: mark(ITEM, len(value) + 1) + value + b"\0",
        3: mark(ITEM, 8) + struct.pack("<II", 0, random.randrange(64)),
        4: mark(ITEM) + mark(ITEM, len(value)) + value,
        5: mark(ITEM, UNDEFINED) + value + mark(ITEM_END),
        6: mark(ITEM, len(value)) + value + mark(tag, random.choice((0, 4))),
    }[style]
    return [Edit(part.start, part.end, new)], f"{named(part)}: fragment, style {style}"


def _bytes_changed(random: Random, layout: Layout) -> Made:
    """A byte of a header, or of a short value."""
    part = random.choice(layout.parts)
    at = random.randrange(part.start, max(part.start + 1, min(part.end, part.value + 16)))
    data = bytes((layout.body[at] ^ 1 << random.randrange(8),))
    return [Edit(at, at + 1, data)], f"{named(part)}: byte {at - part.start} is {data.hex()}"


CHANGES: Final[dict[Change, int]] = {
    _vr_changed: 8,
    _length_changed: 8,
    _undefined_made_sound: 8,
    _carrier: 10,
    guided: 30,
    length_taken_otherwise: 3,
    taken_for_items: 3,
    vr_not_known: 3,
    odd_in_an_item: 3,
    size_of_another_value: 3,
    _inserted: 8,
    _replaced: 4,
    _copied: 4,
    _copied_with_other_value: 6,
    _moved: 4,
    _deleted: 4,
    _reserved_bytes: 4,
    _tag_changed: 4,
    _delimiter_length: 3,
    _fragments: 6,
    _bytes_changed: 4,
}
"""How often each is drawn."""
