"""Signed files with one or two changes that know what a file is made of. The same seed gives the same mutants."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Final

from tests.differential.bases import Base
from tests.differential.guided import guided, length_taken_otherwise, taken_for_items
from tests.differential.layout import ITEM, ITEM_END, SEQUENCE_END, Edit, Layout, Part
from tests.differential.payloads import (
    ODD_VRS,
    VRS,
    carrier,
    content,
    evil,
    header,
    mark,
    marks,
)
from tests.support.builder import DEFLATED_LE, EXPLICIT_LE, UNDEFINED, encode, image, uid


@dataclass(frozen=True, slots=True, repr=False)
class Mutant:
    """A changed file, and how to make it again."""

    base: str
    seed: str
    change: str
    data: bytes

    def __str__(self) -> str:
        return f"{self.base}, seed {self.seed}: {self.change}"


Made = tuple[list[Edit], str]
Change = Callable[[Random, Layout], "Made | None"]


def mutant(base: Base, seed: str) -> Mutant | None:
    """The mutant of this seed; None if the change drawn does not fit the file."""
    random = Random(f"{base.name} {seed}")
    kinds = random.choices((_WITHIN, _AROUND), (3, 1))[0]
    if kinds is _AROUND:
        made = random.choice(_AROUND)(random, base.layout)
        return None if made is None or made[0] == base.data else Mutant(base.name, seed, made[1], made[0])
    edits: list[Edit] = []
    said: list[str] = []
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        change = random.choices(_WITHIN, _WEIGHTS)[0](random, base.layout)
        if change is not None:
            edits += change[0]
            said.append(change[1])
    if not edits:
        return None
    data = base.layout.edited(edits)
    return None if data == base.data else Mutant(base.name, seed, "; ".join(said), data)


def mutants(bases: Mapping[str, Base], first: int = 0) -> Iterator[Mutant]:
    """Mutants without end, of all bases in turn."""
    for seed in count(first):
        for base in bases.values():
            made = mutant(base, str(seed))
            if made is not None:
                yield made


def _named(part: Part) -> str:
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
        return [Edit(part.start, part.value, new)], f"{_named(part)}: header of VR {name}"
    assert part.vr_at is not None
    return [Edit(part.vr_at, part.vr_at + 2, vr)], f"{_named(part)}: VR {vr!r}"


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
    return [Edit(part.length_at, part.value, struct.pack(code, length))], f"{_named(part)}: length {length}"


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
        return edits, f"{_named(part)}: defined length"
    value = layout.body[part.value : part.end]
    if random.random() < 0.5 and part.is_element:
        value = mark(ITEM, len(value), layout.syntax) + value
    new = struct.pack(code, UNDEFINED) + value + end
    return [Edit(part.length_at, part.end, new)], f"{_named(part)}: undefined length"


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
    return [Edit(part.length_at, part.end, new)], f"{_named(part)}: another value"


def _copied(random: Random, layout: Layout) -> Made:
    part, at = random.choice(layout.parts), _place(random, layout)
    return [_put_in(at, layout.body[part.start : part.end], random)], f"{_named(part)} again at {at}"


def _copied_with_other_value(random: Random, layout: Layout) -> Made:
    part = random.choice([part for part in layout.parts if part.is_element and not part.is_undefined])
    at = random.choice((part.start, part.end, _place(random, layout), 0, len(layout.body)))
    data = layout.body[part.start : part.value] + bytes(byte ^ 1 for byte in layout.body[part.value : part.end])
    return [_put_in(at, data, random)], f"{_named(part)} with another value at {at}"


def _moved(random: Random, layout: Layout) -> Made:
    part, at = random.choice(layout.parts), _place(random, layout)
    data = layout.body[part.start : part.end]
    return [Edit(part.start, part.end, b""), _put_in(at, data, random)], f"{_named(part)} moved to {at}"


def _deleted(random: Random, layout: Layout) -> Made:
    part = random.choice(layout.parts)
    return [Edit(part.start, part.end, b"", fit=random.random() < 0.8)], f"{_named(part)} taken out"


def _reserved_bytes(random: Random, layout: Layout) -> Made | None:
    parts = [part for part in layout.parts if part.vr_at is not None and part.value - part.start == 12]
    if not parts:
        return None
    part = random.choice(parts)
    at = part.start + 6
    data = random.choice((b"\0\1", b"\1\0", b"\4\0", b"\xff\xff", b"  ", b"\x10\0"))
    return [Edit(at, at + 2, data)], f"{_named(part)}: reserved bytes {data.hex()}"


def _tag_changed(random: Random, layout: Layout) -> Made:
    part = random.choice(layout.parts)
    at, bit = random.randrange(4), 1 << random.randrange(8)
    data = bytes(
        byte ^ (bit if number == at else 0) for number, byte in enumerate(layout.body[part.start : part.start + 4])
    )
    return [Edit(part.start, part.start + 4, data)], f"{_named(part)}: tag {data.hex()}"


def _delimiter_length(random: Random, layout: Layout) -> Made | None:
    parts = [part for part in layout.parts if part.tag in (ITEM_END, SEQUENCE_END)]
    if not parts:
        return None
    part = random.choice(parts)
    length = random.choice((1, 2, 4, 8, 12, 16, 100, len(layout.body) - part.end, UNDEFINED))
    return [
        Edit(part.length_at, part.value, struct.pack(layout.order + "I", length))
    ], f"{_named(part)}: length {length}"


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
    return [Edit(part.start, part.end, new)], f"{_named(part)}: fragment, style {style}"


def _bytes_changed(random: Random, layout: Layout) -> Made:
    """A byte of a header, or of a short value."""
    part = random.choice(layout.parts)
    at = random.randrange(part.start, max(part.start + 1, min(part.end, part.value + 16)))
    data = bytes((layout.body[at] ^ 1 << random.randrange(8),))
    return [Edit(at, at + 1, data)], f"{_named(part)}: byte {at - part.start} is {data.hex()}"


_CHANGES: Final[dict[Change, int]] = {
    _vr_changed: 8,
    _length_changed: 8,
    _undefined_made_sound: 8,
    _carrier: 10,
    guided: 30,
    length_taken_otherwise: 3,
    taken_for_items: 3,
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
_WITHIN: Final[Sequence[Change]] = tuple(_CHANGES)
_WEIGHTS: Final = tuple(_CHANGES.values())

Around = Callable[[Random, Layout], "tuple[bytes, str] | None"]
"""Changes of a file outside its Data Set."""


def _tail_of(layout: Layout) -> bytes:
    return layout.edited(())[len(layout.head) :]


def _appended(random: Random, layout: Layout) -> tuple[bytes, str]:
    tail = random.choice(
        (
            lambda: bytes(random.randint(1, 12)),
            lambda: content(random, layout.syntax, 0),
            lambda: carrier(random, layout.syntax, 0)[0],
            lambda: evil(random, layout.syntax),
            lambda: layout.head + encode(image(), EXPLICIT_LE),
            lambda: b"\xfe\xff",
        )
    )()
    return layout.edited((), tail), f"appended {tail[:24].hex()}"


def _meta_changed(random: Random, layout: Layout) -> tuple[bytes, str] | None:
    if not layout.meta:
        return None
    part = random.choice(layout.meta)
    tail = _tail_of(layout)
    head, order = layout.head, "<"
    style = random.randrange(9)
    data = head[part.start : part.end]
    what = f"meta {_named(part)}, style {style}"
    if style == 0:
        vr = random.choice((*VRS, *ODD_VRS)).encode("latin-1")
        data = data[:4] + vr + data[6:]
        what += f": VR {vr!r}"
    elif style == 1:
        name = random.choice((*VRS, *ODD_VRS))
        value = head[part.value : part.end]
        data = header(part.tag, name, len(value), short=random.choice((None, None, True, False))) + value
        what += f": VR {name!r}, header rewritten"
    elif style == 2:
        bit = 1 << random.randrange(8)
        at = random.randrange(len(data))
        data = data[:at] + bytes((data[at] ^ bit,)) + data[at + 1 :]
        what += f": bit {bit} of byte {at}"
    elif style == 3:
        data = data + data
        what += ": twice"
    elif style == 4:
        data = b""
        what += ": taken out"
    elif style == 5:
        code = "H" if part.length_size == 2 else "I"
        length = random.choice(
            (0, part.length + 2, part.length - 2, part.length + 1, len(head) - part.value, len(tail))
        )
        at = part.length_at - part.start
        data = (
            data[:at] + struct.pack(order + code, length % (1 << 8 * part.length_size)) + data[at + part.length_size :]
        )
        what += f": length {length}"
    elif style == 6 and part.tag == 0x00020000:
        number = random.choice((0, 1, part.end, len(head), len(head) + len(tail), UNDEFINED, random.randrange(300)))
        data = data[:8] + struct.pack("<I", number)
        what += f": group length {number}"
    elif style == 7:
        other = random.choice(layout.meta)
        data = head[other.start : other.end] + data
        what += f": {_named(other)} in front of it"
    else:
        extra, said = carrier(random, EXPLICIT_LE, len(tail))
        data = random.choice((extra + data, data + extra))
        what += f": beside {said}"
    head = head[: part.start] + data + head[part.end :]
    if random.random() < 0.5 and head[132:138] == b"\x02\0\0\0UL" and part.tag != 0x00020000:
        head = head[:140] + struct.pack("<I", len(head) - 144) + head[144:]
    return head + tail, what


def _meta_carrier(random: Random, layout: Layout) -> tuple[bytes, str]:
    tail = _tail_of(layout)
    size = len(tail)
    group, element = 2, random.choice((0x0000, 0x0001, 0x0010, 0x0013, 0x0016, 0x0100, 0x0102, 0x0102, 0xFFFF, 0x1001))
    if random.random() < 0.3:
        group = random.choice((0, 1, 3, 4, 6, 8))
    vr = random.choice((*VRS, *ODD_VRS)) if random.random() < 0.6 else random.choice(("SQ", "UN", "OB", "OX", "UT"))
    inside = random.choice((b"", mark(SEQUENCE_END), mark(ITEM_END), mark(ITEM, UNDEFINED), marks(random, EXPLICIT_LE)))
    inside += encode(image(pixels=b"\xff" * 16), random.choice((layout.syntax, EXPLICIT_LE)))
    inside += random.choice((b"", header(0x7FFF1001, "OB", size), header(0xFFFCFFFC, "OB", size)))
    length = UNDEFINED if random.random() < 0.25 else len(inside)
    if length == UNDEFINED:
        inside += mark(SEQUENCE_END)
    short = random.choice((None, None, False, True))
    start = header(group << 16 | element, vr, length, short=False if length == UNDEFINED else short)
    if len(start) == 12 and random.random() < 0.3:
        start = start[:6] + struct.pack("<H", random.choice((4, 2, 8, len(inside) % 65536))) + start[8:]
    head = layout.head + start + inside
    if random.random() < 0.5:
        head = head[:140] + struct.pack("<I", len(head) - 144) + head[144:]
    return head + tail, f"meta carrier {group:04X},{element:04X} {vr!r} length {length}"


def _relabelled(random: Random, layout: Layout) -> tuple[bytes, str] | None:
    part = next((part for part in layout.meta if part.tag == 0x00020010), None)
    if part is None:
        return None
    name = random.choice(_SYNTAXES)
    value = random.choice(
        (
            name.encode() + b"\0" * (len(name) % 2),
            name.encode() + b"\0" * (len(name) % 2) + b"\0\0",
            name.encode() + b" " * (len(name) % 2),
            b" " + name.encode(),
            name.encode() + b"\0.1",
            name.encode() + b"\\" + layout.syntax.uid.encode(),
            name.encode() + b"\n",
            b"",
        )
        if random.random() < 0.5
        else (name.encode() + b"\0" * (len(name) % 2),)
    )
    head = layout.head[: part.start] + header(0x00020010, "UI", len(value)) + value + layout.head[part.end :]
    head = head[:140] + struct.pack("<I", len(head) - 144) + head[144:]
    tail = layout.body if random.random() < 0.3 else _tail_of(layout)
    return head + tail, f"transfer syntax {value!r}"


_SYNTAXES: Final = (
    "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.6.1",
    "1.2.840.10008.1.2.7.1", "1.2.840.10008.1.2.8.1", "1.2.840.10008.1.20", "1.2.840.113619.5.2",
    "1.2.840.10008.1.2.01", "1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.999", "1.3.6.1.4.1.5962.300.2",
    "1.2.276.0.50.1.2.1", "1.2.840.10008.1.2.1.990",
)  # fmt: skip


def _preamble(random: Random, layout: Layout) -> tuple[bytes, str]:
    tail = _tail_of(layout)
    style = random.randrange(8)
    head = layout.head
    preamble = head[:128]
    evil_set = encode(image(pixels=b"\xff" * 16), layout.syntax)
    other = b"".join((encode((uid(0x00020010, layout.syntax.uid),)), evil_set))
    data = {
        0: head + head + tail,
        1: preamble + b"DICM" + head + tail,
        2: (b"\x08\0\0\0UL\4\0\0\0\0\0" + preamble)[:128] + head[128:] + tail,
        3: (evil_set + bytes(128))[:128] + head[128:] + tail,
        4: head[132:] + tail,
        5: tail,
        6: (header(0x00090010, "OB", 116 + len(head) - 128) + preamble)[:128] + head[128:] + tail,
        7: head + other + header(0x7FFF1001, "OB", len(tail)) + tail,
    }[style]
    return data, f"preamble, style {style}"


def _deflated(random: Random, layout: Layout) -> tuple[bytes, str] | None:
    """Deflate streams with something in front, behind, or packed otherwise; any file as a deflated one, too."""
    style = random.randrange(6)
    head = layout.head
    if layout.syntax.uid == EXPLICIT_LE.uid:
        part = next(part for part in layout.meta if part.tag == 0x00020010)
        value = encode((uid(0x00020010, DEFLATED_LE.uid),))
        head = head[: part.start] + value + head[part.end :]
        head = head[:140] + struct.pack("<I", len(head) - 144) + head[144:]
    elif not layout.syntax.deflated:
        return None
    packer = zlib.compressobj(random.randint(0, 9), wbits=-15)
    packed = packer.compress(layout.body) + packer.flush()
    if style == 0:
        packed += bytes(random.randint(1, 4))
    elif style == 1:
        packed += content(random, EXPLICIT_LE, 0)
    elif style == 2:
        packed += packed
    elif style == 3:
        packed = zlib.compress(layout.body)
    elif style == 4:
        other = zlib.compressobj(wbits=-15)
        packed += other.compress(encode(image(pixels=b"\xff" * 16))) + other.flush()
    else:
        packed = packed[: -random.randint(1, 3)]
    return head + packed, f"deflated, style {style}"


def _cut(random: Random, layout: Layout) -> tuple[bytes, str]:
    data = layout.edited(())
    size = random.randint(1, 16) if random.random() < 0.5 else random.randrange(len(data))
    return data[:-size], f"{size} bytes cut off"


_AROUND: Final[Sequence[Around]] = (
    _appended,
    _meta_changed,
    _meta_changed,
    _meta_changed,
    _meta_carrier,
    _meta_carrier,
    _relabelled,
    _preamble,
    _deflated,
    _cut,
)
