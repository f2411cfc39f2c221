"""Parts of mutants: headers of every kind, and unsigned Data Sets, bare or after delimiters."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random
from typing import Final

from dcmseal import tags
from tests.support import builder as b
from tests.support import tags as t
from tests.support.dicom_tree import LONG_VRS

VRS: Final = (
    "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
)
ODD_VRS: Final = ("OX", "ZZ", "??", "ox", "sq", "Sq", "\0\0", "  ", "AA", "QQ", "UZ", "O\0", "VR", "NO", "PX", "07")
NEVER_SIGNED: Final = (
    0x00000000, 0x00000002, 0x00020000, 0x00020010, 0x00020102, 0x00040000, 0x00041220, 0x00060010,
    0x00080000, 0x00080001, 0x00100000, 0x00280000, 0x4FFE0000, 0x4FFE0001, 0x7FE00000,
    0xFFFA0000, 0xFFFA0010, 0xFFFA1001, 0xFFFAFFFA, 0xFFFC0010, 0xFFFCFFFC, 0xFFFCFFFE, 0xFFFE0010, 0xFFFEE000,
    0xFFFEE00D, 0xFFFEE0DD, 0xFFFFFFFF, 0xFFFF0001,
)  # fmt: skip
"""Tags that no MAC holds, and some that nearly are such."""
UNSIGNED: Final = (
    0x00091001, 0x00090010, 0x00090001, 0x04000310, 0x04000305, 0x04000115, 0x04000120, 0x04010010, 0x04011001,
    0x00080005, 0x00080008, 0x00080050, 0x00100010, 0x00100030, 0x00104001, 0x00204000, 0x00280010, 0x00880200,
    0x50003000, 0x60003000, 0x7FDF1001, 0x7FE00008, 0x7FE00009, 0x7FE00010, 0x7FE10010, 0x7FE11010, 0x7F000010,
    0xFFF91001, 0xFFFB1001,
)  # fmt: skip
"""Other tags to be put in."""

_EVIL: Final[tuple[b.Node, ...]] = (
    b.uid(tags.SOP_INSTANCE_UID, "1.6.6.6"),
    b.text(t.PATIENT_NAME, "PN", "Evil^Eve"),
    b.text(t.PATIENT_ID, "LO", "666 "),
    b.Value(tags.PIXEL_DATA, "OW", b"\xff" * 16),
)


def header(tag: int, vr: str, length: int, syntax: b.Syntax = b.EXPLICIT_LE, *, short: bool | None = None) -> bytes:
    """The header of an element, item or delimiter, with any VR; ``short`` is whether its length has 16 bits."""
    order = ">" if syntax.big else "<"
    start = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if (tag >> 16 == 0xFFFE and not vr) or syntax.implicit:
        return start + struct.pack(order + "I", length % (1 << 32))
    letters = vr.encode("latin-1")
    if short is None:
        short = vr not in LONG_VRS
    if short:
        return start + letters + struct.pack(order + "H", length % (1 << 16))
    return start + letters + b"\0\0" + struct.pack(order + "I", length % (1 << 32))


def mark(tag: int, length: int = 0, syntax: b.Syntax = b.EXPLICIT_LE) -> bytes:
    """An item's header, or a delimiter."""
    return header(tag, "", length, syntax)


def evil(random: Random, syntax: b.Syntax) -> bytes:
    """Some unsigned elements, in the encoding of the file or another."""
    first = random.randrange(len(_EVIL))
    last = random.randrange(first, len(_EVIL)) + 1
    nodes = _EVIL[first:last]
    if syntax.uid not in (b.EXPLICIT_LE.uid, b.IMPLICIT_LE.uid, b.EXPLICIT_BE.uid) and random.random() < 0.3:
        nodes = (*nodes[:-1], b.Fragments(fragments=(b"", b"\xff\xd8EVIL\xff\xd9")))
    other = random.choice((syntax, syntax, syntax, b.EXPLICIT_LE, b.IMPLICIT_LE, b.EXPLICIT_BE))
    return b.encode(nodes, other)


def marks(random: Random, syntax: b.Syntax, most: int = 4) -> bytes:
    """Some items' headers and delimiters in a row."""
    made = (
        lambda: mark(tags.ITEM_DELIMITATION_ITEM, 0, syntax),
        lambda: mark(tags.SEQUENCE_DELIMITATION_ITEM, 0, syntax),
        lambda: mark(tags.ITEM, b.UNDEFINED, syntax),
        lambda: mark(tags.ITEM, 0, syntax),
        lambda: mark(tags.ITEM, random.choice((8, 16, 20, 0xFFFE)), syntax),
        lambda: mark(
            random.choice((tags.ITEM_DELIMITATION_ITEM, tags.SEQUENCE_DELIMITATION_ITEM)),
            random.choice((4, 8, b.UNDEFINED)),
            syntax,
        ),
    )
    weights = (6, 6, 3, 1, 1, 1)
    chosen: list[Callable[[], bytes]] = random.choices(made, weights, k=random.randint(1, most))
    return b"".join(make() for make in chosen)


def content(random: Random, syntax: b.Syntax, rest: int) -> bytes:
    """What a carrier holds; ``rest`` is how many bytes follow it, so that an element can swallow them."""
    pieces: list[bytes] = []
    for _ in range(random.randint(1, 4)):
        kind = random.randrange(6)
        if kind <= 1:
            pieces.append(marks(random, syntax))
        elif kind <= 3:
            pieces.append(evil(random, syntax))
        elif kind == 4:
            size = random.choice((0, 2, 4, 8, 16, rest, rest + 8, rest + 16, rest + 24, rest - 8))
            tag = random.choice((0x00091001, 0x7FFF1001, 0x00080000, tags.DATA_SET_TRAILING_PADDING, 0x00104001))
            pieces.append(header(tag, random.choice(("OB", "OB", "UN", "LO", "SQ", "UT")), max(size, 0), syntax))
        else:
            pieces.append(bytes(random.choice((2, 4, 8, 12))))
    return b"".join(pieces)


def carrier(random: Random, syntax: b.Syntax, rest: int) -> tuple[bytes, str]:
    """An element that holds what no MAC does, of a tag that is never signed or any other; and what it is."""
    tag = random.choice(NEVER_SIGNED if random.random() < 0.7 else UNSIGNED)
    vr = random.choice(VRS) if random.random() < 0.8 else random.choice(ODD_VRS)
    if random.random() < 0.5:
        vr = random.choice(("SQ", "UN", "OB", "OW", "UT", "UC"))
    encoding = syntax if vr != "UN" or random.random() < 0.5 else b.IMPLICIT_LE
    inside = content(random, encoding, rest)
    style = random.randrange(5)
    if style == 0:  # items that are sound from outside
        inside = mark(tags.ITEM, len(inside), encoding) + inside
    elif style == 1:
        inside = mark(tags.ITEM, b.UNDEFINED, encoding) + inside + mark(tags.ITEM_DELIMITATION_ITEM, 0, encoding)
    elif style == 2:
        hidden = header(0x00091001, random.choice(("OB", "UT", "UN", "SQ", "LO")), len(inside), encoding) + inside
        inside = mark(tags.ITEM, len(hidden), encoding) + hidden
    elif style == 3:
        hidden = header(0x00091001, random.choice(("OB", "UT", "UN", "SQ")), len(inside), encoding) + inside
        inside = mark(tags.ITEM, b.UNDEFINED, encoding) + hidden + mark(tags.ITEM_DELIMITATION_ITEM, 0, encoding)
    is_undefined = random.random() < 0.4
    if is_undefined:
        inside += mark(tags.SEQUENCE_DELIMITATION_ITEM, 0, encoding)
    length = b.UNDEFINED if is_undefined else len(inside)
    short = None if random.random() < 0.9 else random.random() < 0.5
    what = f"({tag:08X} {vr!r} {'undefined' if is_undefined else length} style {style})"
    return header(tag, vr, length, syntax, short=False if is_undefined and short is None else short) + inside, what
