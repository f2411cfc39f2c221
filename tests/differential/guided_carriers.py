"""Carriers that are built for one way of reading: a reader leaves them early, finds a Data Set nobody signed, and comes
back to the file behind what it was not to see.

Most chance finds nothing here: depth, delimiters and the length of what is swallowed have to fit each other.
"""

from __future__ import annotations

import struct
from random import Random
from typing import Final

from dcmseal import tags
from tests.differential.file_layout import Layout, LayoutEdit
from tests.differential.payloads import NEVER_SIGNED, ODD_VRS, UNSIGNED, VRS, evil, header, mark
from tests.support import builder as b
from tests.support import tags as t
from tests.support.dicom_tree import LONG_VRS

_SWALLOW: Final = 0x7FFF1001
_SIZED: Final = (
    ("FD", t.WATER_EQUIVALENT_DIAMETER),
    ("US", 0x00280006),
    ("FL", 0x00700022),
    ("UL", 0x00081163),
    ("AT", t.FRAME_INCREMENT_POINTER),
    ("SS", 0x00189219),
)
_LETTERS: Final = (b"OB", b"LO", b"UT", b"UN", b"SQ", b"OW")


def make_guided_carrier(random: Random, layout: Layout) -> tuple[list[LayoutEdit], str]:
    """A carrier in a place where it may stand by its tag or not; and what it is."""
    part = random.choice(layout.parts)
    if part.is_element or not part.around:
        at, around, within = part.start, part.around, False
    else:  # in an item, at its start or end
        number = layout.parts.index(part)
        at = part.value if random.random() < 0.5 else part.end - (8 if part.is_undefined else 0)
        around, within = (*part.around, number), True
    if random.random() < 0.15:
        at, around, within = len(layout.body), (), False
    implicit = any(layout.parts[number].vr == "UN" for number in around) or layout.syntax.implicit
    syntax = b.IMPLICIT_LE if implicit and not layout.syntax.implicit else layout.syntax
    top = layout.parts[around[0]].end if around else at
    depth = sum(layout.parts[number].tag == tags.ITEM for number in around)
    rest = random.choice((top, top, len(layout.body))) - at
    tag = random.choice(NEVER_SIGNED if random.random() < 0.6 else UNSIGNED)
    vr = random.choice(VRS if random.random() < 0.9 else ODD_VRS)
    made, style = _carrier(random, syntax, tag, vr, max(depth + random.choice((0, 0, 0, 0, 1, -1)), 0), rest)
    edit = LayoutEdit(at, at, made, fit=True, within=within)
    return [edit], f"guided carrier ({tag:08X} {vr!r}, {style}) at {at}, {depth} deep"


def _carrier(random: Random, syntax: b.Syntax, tag: int, vr: str, depth: int, rest: int) -> tuple[bytes, str]:
    end, item_end = mark(tags.SEQUENCE_DELIMITATION_ITEM, 0, syntax), mark(tags.ITEM_DELIMITATION_ITEM, 0, syntax)
    out = (item_end + end) * depth
    style = random.choice(("bare", "hidden", "hidden", "hidden in UN", "no item", "defined", "defined", "defined item"))
    lead = random.choice(
        (b"", end, item_end + end, item_end, bytes(8), mark(tags.ITEM, b.UNDEFINED, syntax), mark(tags.ITEM, 0, syntax))
    )
    foreign = evil(random, syntax)

    def swallowing(more: int) -> bytes:
        return header(_SWALLOW, "OB", more + rest, syntax)

    if style == "hidden in UN":
        return _in_un(random, tag, vr, out, foreign, rest), style
    if style == "bare":
        value = lead + out + foreign + swallowing(len(end))
        return header(tag, vr, b.UNDEFINED, syntax, short=False) + value + end, style
    if style == "no item":
        value = end + lead + out + foreign + swallowing(0)
        return header(tag, vr, b.UNDEFINED, syntax, short=False) + value, style
    if style == "hidden":
        tail = item_end + end
        value = lead + out + foreign + swallowing(len(tail))
        inner = header(0x00091001, random.choice(("OB", "UT", "UN", "OW", "UC", "SQ")), len(value), syntax) + value
        return header(tag, vr, b.UNDEFINED, syntax, short=False) + mark(
            tags.ITEM, b.UNDEFINED, syntax
        ) + inner + tail, style
    value = lead + out + foreign + swallowing(0)
    if style == "defined item":
        value = mark(tags.ITEM, len(value), syntax) + value
    value = value[:0xFFFE] if vr not in LONG_VRS and not syntax.implicit else value
    return header(tag, vr, len(value), syntax) + value, style


def _in_un(random: Random, tag: int, vr: str, out: bytes, foreign: bytes, rest: int) -> bytes:
    """Items in implicit VR, whose first length reads as a VR: to some they are explicit VR."""
    letters = random.choice(_LETTERS)
    (size,) = struct.unpack("<H", letters)
    tail = mark(tags.ITEM_DELIMITATION_ITEM) + mark(tags.SEQUENCE_DELIMITATION_ITEM)
    # read as explicit VR: the reserved bytes and four of length, or two of length
    value = (struct.pack("<I", 0) if letters.decode() in LONG_VRS else b"") + tail + out + foreign
    pad = size - len(value) - 12
    if pad < 0:
        return header(tag, vr, len(value)) + value
    value += header(_SWALLOW, "OB", pad + len(tail) + rest) + bytes(pad)
    inner = struct.pack("<HHI", 0x0009, 0x1001, size) + value
    kept = random.choice((vr, "UN", "UN"))
    return header(tag, kept, b.UNDEFINED, short=False) + mark(tags.ITEM, b.UNDEFINED) + inner + tail


def ambiguous_length(random: Random, layout: Layout) -> tuple[list[LayoutEdit], str]:
    """A private element whose length some readers do not believe: they find the next in the value of another."""
    at = random.choice([part.start for part in layout.parts if not part.around] + [len(layout.body)])
    foreign = b.encode(
        (b.text(t.PATIENT_NAME, "PN", "Evil^Eve"), b.Value(tags.PIXEL_DATA, "OW", b"\xff" * 16)), layout.syntax
    )
    if layout.syntax.implicit:
        # of 13 bytes ten are read; the other three, and five of the next header, are a header
        value = bytes(0x1000 - 3) + foreign
        pad = -(len(value) + 8) % 256
        value += header(0x000F1001, "OB", pad, layout.syntax) + bytes(pad)
        first = header(0x000D1001, "OB", 13, layout.syntax) + bytes(10) + b"\x0f\0\0"
        return [
            LayoutEdit(at, at, first + header(0x000F0010, "OB", len(value), layout.syntax) + value)
        ], f"length 13 at {at}"
    size = random.choice((1, 2, 3, 5, 6, 7, 9, 10, 12, 14))
    vr = random.choice(("UL", "UL", "US", "FD", "FL", "AT", "SL", "SS", "SV", "OD", "OF", "OL"))
    first = header(0x000B1001, vr, size, layout.syntax) + (bytes(4) + b"\x09\0" + bytes(10))[:size]
    value = b" " * random.choice((0, 2, 4, 21578)) + foreign + header(0x000B1002, "OB", 0, layout.syntax)
    second = header(0x000B4F4C, "LT", len(value), layout.syntax) + value
    if size == 6 and random.random() < 0.5:
        first, second = (b"\x09\0" + each[2:] for each in (first, second))
    return [LayoutEdit(at, at, first + second)], f"{vr} of length {size} at {at}"


def ambiguous_items(random: Random, layout: Layout) -> tuple[list[LayoutEdit], str]:
    """A value that begins as a sequence does: an item of undefined length leads out of it."""
    syntax = layout.syntax
    places = [part for part in layout.parts if not part.around and part.is_element]
    at = random.choice(places).start
    end = random.choice((len(layout.body), places[-1].start, max(at, places[-2].start)))
    tag = random.choice(
        (
            0x00080000,
            tags.LENGTH_TO_END,
            0x00080022,
            t.STUDY_DESCRIPTION,
            0x000D1001,
            t.IMAGE_COMMENTS,
            0x00091001,
            0x00100000,
        )
    )
    vr = random.choice(("OB", "UN", "LT", "UT", "UL", "DA", "SQ"))
    foreign = b.encode((b.text(t.PATIENT_NAME, "PN", "Evil^Eve"), b.Value(tags.PIXEL_DATA, "OW", b"\xff" * 16)), syntax)
    size = end - at + (8 if syntax.implicit else 12)
    hidden = header(0x000D1002, "OB", size, syntax)
    lead = random.choice(
        (
            mark(tags.ITEM, b.UNDEFINED, syntax),
            mark(tags.ITEM, b.UNDEFINED, syntax),
            mark(tags.SEQUENCE_DELIMITATION_ITEM, 0, syntax),
        )
    )
    first = header(tag, vr, len(lead) + len(hidden), syntax) + lead + hidden
    last = (
        mark(tags.ITEM_DELIMITATION_ITEM, 0, syntax)
        + random.choice((b"", mark(tags.SEQUENCE_DELIMITATION_ITEM, 0, syntax)))
        + foreign
    )
    made = (
        header(random.choice((0x7FE11001, tags.DATA_SET_TRAILING_PADDING, 0x7FE00009)), "OB", len(last), syntax) + last
    )
    return [LayoutEdit(at, at, first), LayoutEdit(end, end, made)], f"({tag:08X} {vr!r}) begins as items do, at {at}"


def unknown_vr(random: Random, layout: Layout) -> tuple[list[LayoutEdit], str]:
    """An element of a VR that came late: who does not know it reads the reserved bytes as a length of nothing."""
    at = random.choice([part.start for part in layout.parts if not part.around] + [len(layout.body)])
    vr = random.choice(("OV", "SV", "UV", "OL", "OD", "UC", "UR"))
    foreign = evil(random, layout.syntax)
    value = b"LO\0\0" + foreign + bytes(-len(foreign) % 8 + 4)
    tag = random.choice(
        (
            0x7FE11001,
            tags.DATA_SET_TRAILING_PADDING,
            0x00091001,
            tags.EXTENDED_OFFSET_TABLE,
            tags.LENGTH_TO_END,
            0x7FDF1001,
        )
    )
    return [LayoutEdit(at, at, header(tag, vr, len(value), layout.syntax) + value)], f"({tag:08X} {vr}) at {at}"


def odd_in_an_item(random: Random, layout: Layout) -> tuple[list[LayoutEdit], str]:
    """A value of odd length in an item, and the delimiters that it hides from some in a later element."""
    syntax = layout.syntax
    places = [part.start for part in layout.parts if not part.around and part.is_element]
    at, end = sorted((random.choice(places), random.choice((*places, len(layout.body)))))
    size = random.choice((1, 3, 5, 13))
    marks = mark(tags.ITEM_DELIMITATION_ITEM, 0, syntax), mark(tags.SEQUENCE_DELIMITATION_ITEM, 0, syntax)
    foreign = b.encode((b.text(t.PATIENT_NAME, "PN", "Evil^Eve"), b.Value(tags.PIXEL_DATA, "OW", b"\xff" * 16)), syntax)
    inside = header(0x000B1001, random.choice(("OB", "LO", "UT", "UN")), size, syntax) + b"A" * size
    item = (
        mark(tags.ITEM, b.UNDEFINED, syntax) + inside + marks[0]
        if random.random() < 0.7
        else mark(tags.ITEM, len(inside), syntax) + inside
    )
    first = header(0x000B1003, "SQ", b.UNDEFINED, syntax) + item + marks[1]
    last = bytes(random.randrange(2)) + b"".join(marks) + foreign
    last += bytes(len(last) % 2)
    return [
        LayoutEdit(at, at, first),
        LayoutEdit(
            end,
            end,
            header(random.choice((0x7FE11001, tags.DATA_SET_TRAILING_PADDING)), "OB", len(last), syntax) + last,
        ),
    ], f"odd length in an item at {at}, delimiters at {end}"


def size_of_another_value(random: Random, layout: Layout) -> tuple[list[LayoutEdit], str]:
    """An element whose length does not fit the VR that the dictionary has for it."""
    vr, tag = random.choice(_SIZED)
    at = next((part.start for part in layout.parts if part.tag > tag and not part.around), len(layout.body))
    value = b"1" * random.choice((1, 2, 3, 4, 6, 10, 12))
    return [
        LayoutEdit(at, at, header(tag, vr, len(value), layout.syntax) + value)
    ], f"({tag:08X} {vr}) of length {len(value)}"
