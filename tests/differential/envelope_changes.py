"""Changes of what stands around a Data Set: preamble, File Meta Information, deflate stream, bytes behind it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from dcmseal import tags
from tests.differential.dataset_changes import describe_part
from tests.differential.file_layout import Layout
from tests.differential.payloads import ODD_VRS, VRS, carrier, content, evil, header, mark, marks
from tests.support import builder as b
from tests.support import tags as t

EnvelopeChange = Callable[[Random, Layout], "tuple[bytes, str] | None"]
"""Changes of a file outside its Data Set."""


def _find_tail(layout: Layout) -> bytes:
    return layout.apply_edits(())[len(layout.head) :]


def _append(random: Random, layout: Layout) -> tuple[bytes, str]:
    tail = random.choice(
        (
            lambda: bytes(random.randint(1, 12)),
            lambda: content(random, layout.syntax, 0),
            lambda: carrier(random, layout.syntax, 0)[0],
            lambda: evil(random, layout.syntax),
            lambda: layout.head + b.encode(b.image(), b.EXPLICIT_LE),
            lambda: b"\xfe\xff",
        )
    )()
    return layout.apply_edits((), tail), f"appended {tail[:24].hex()}"


def _change_meta(random: Random, layout: Layout) -> tuple[bytes, str] | None:
    if not layout.meta:
        return None
    part = random.choice(layout.meta)
    tail = _find_tail(layout)
    head, order = layout.head, "<"
    style = random.randrange(9)
    data = head[part.start : part.end]
    what = f"meta {describe_part(part)}, style {style}"
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
    elif style == 6 and part.tag == t.FILE_META_INFORMATION_GROUP_LENGTH:
        number = random.choice((0, 1, part.end, len(head), len(head) + len(tail), b.UNDEFINED, random.randrange(300)))
        data = data[:8] + struct.pack("<I", number)
        what += f": group length {number}"
    elif style == 7:
        other = random.choice(layout.meta)
        data = head[other.start : other.end] + data
        what += f": {describe_part(other)} in front of it"
    else:
        extra, said = carrier(random, b.EXPLICIT_LE, len(tail))
        data = random.choice((extra + data, data + extra))
        what += f": beside {said}"
    head = head[: part.start] + data + head[part.end :]
    if random.random() < 0.5 and head[132:138] == b"\x02\0\0\0UL" and part.tag != t.FILE_META_INFORMATION_GROUP_LENGTH:
        head = head[:140] + struct.pack("<I", len(head) - 144) + head[144:]
    return head + tail, what


def _add_meta_carrier(random: Random, layout: Layout) -> tuple[bytes, str]:
    tail = _find_tail(layout)
    size = len(tail)
    group, element = 2, random.choice((0x0000, 0x0001, 0x0010, 0x0013, 0x0016, 0x0100, 0x0102, 0x0102, 0xFFFF, 0x1001))
    if random.random() < 0.3:
        group = random.choice((0, 1, 3, 4, 6, 8))
    vr = random.choice((*VRS, *ODD_VRS)) if random.random() < 0.6 else random.choice(("SQ", "UN", "OB", "OX", "UT"))
    inside = random.choice(
        (
            b"",
            mark(tags.SEQUENCE_DELIMITATION_ITEM),
            mark(tags.ITEM_DELIMITATION_ITEM),
            mark(tags.ITEM, b.UNDEFINED),
            marks(random, b.EXPLICIT_LE),
        )
    )
    inside += b.encode(b.image(pixels=b"\xff" * 16), random.choice((layout.syntax, b.EXPLICIT_LE)))
    inside += random.choice((b"", header(0x7FFF1001, "OB", size), header(tags.DATA_SET_TRAILING_PADDING, "OB", size)))
    length = b.UNDEFINED if random.random() < 0.25 else len(inside)
    if length == b.UNDEFINED:
        inside += mark(tags.SEQUENCE_DELIMITATION_ITEM)
    short = random.choice((None, None, False, True))
    start = header(group << 16 | element, vr, length, short=False if length == b.UNDEFINED else short)
    if len(start) == 12 and random.random() < 0.3:
        start = start[:6] + struct.pack("<H", random.choice((4, 2, 8, len(inside) % 65536))) + start[8:]
    head = layout.head + start + inside
    if random.random() < 0.5:
        head = head[:140] + struct.pack("<I", len(head) - 144) + head[144:]
    return head + tail, f"meta carrier {group:04X},{element:04X} {vr!r} length {length}"


def _change_syntax(random: Random, layout: Layout) -> tuple[bytes, str] | None:
    part = next((part for part in layout.meta if part.tag == t.TRANSFER_SYNTAX_UID), None)
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
    head = layout.head[: part.start] + header(t.TRANSFER_SYNTAX_UID, "UI", len(value)) + value + layout.head[part.end :]
    head = head[:140] + struct.pack("<I", len(head) - 144) + head[144:]
    tail = layout.body if random.random() < 0.3 else _find_tail(layout)
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


def _change_preamble(random: Random, layout: Layout) -> tuple[bytes, str]:
    tail = _find_tail(layout)
    style = random.randrange(9)
    head = layout.head
    preamble = head[:128]
    evil_set = b.encode(b.image(pixels=b"\xff" * 16), layout.syntax)
    other = b"".join((b.encode((b.uid(t.TRANSFER_SYNTAX_UID, layout.syntax.uid),)), evil_set))
    data = {
        0: head + head + tail,
        1: preamble + b"DICM" + head + tail,
        2: (b"\x08\0\0\0UL\4\0\0\0\0\0" + preamble)[:128] + head[128:] + tail,
        3: (evil_set + bytes(128))[:128] + head[128:] + tail,
        4: head[132:] + tail,
        5: tail,
        6: (header(0x00090010, "OB", 116 + len(head) - 128) + preamble)[:128] + head[128:] + tail,
        8: (_person_and(len(head) + len(layout.body)) + bytes(128))[:128] + head[128:] + tail,
        7: head + other + header(0x7FFF1001, "OB", len(tail)) + tail,
    }[style]
    return data, f"preamble, style {style}"


def _person_and(size: int) -> bytes:
    """Another patient, and an element that swallows all the rest of so many bytes."""
    person = b.encode((b.text(t.PATIENT_NAME, "PN", "Evil^Eve"),))
    return person + header(0x7FFF1001, "OB", size - len(person) - 12)


def _change_deflate(random: Random, layout: Layout) -> tuple[bytes, str] | None:
    """Deflate streams with something in front, behind, or packed otherwise; any file as a deflated one, too."""
    style = random.randrange(6)
    head = layout.head
    if layout.syntax.uid == b.EXPLICIT_LE.uid:
        part = next(part for part in layout.meta if part.tag == t.TRANSFER_SYNTAX_UID)
        value = b.encode((b.uid(t.TRANSFER_SYNTAX_UID, b.DEFLATED_LE.uid),))
        head = head[: part.start] + value + head[part.end :]
        head = head[:140] + struct.pack("<I", len(head) - 144) + head[144:]
    elif not layout.syntax.deflated:
        return None
    packer = zlib.compressobj(random.randint(0, 9), wbits=-15)
    packed = packer.compress(layout.body) + packer.flush()
    if style == 0:
        packed += bytes(random.randint(1, 4))
    elif style == 1:
        packed += content(random, b.EXPLICIT_LE, 0)
    elif style == 2:
        packed += packed
    elif style == 3:
        packed = zlib.compress(layout.body)
    elif style == 4:
        other = zlib.compressobj(wbits=-15)
        packed += other.compress(b.encode(b.image(pixels=b"\xff" * 16))) + other.flush()
    else:
        packed = packed[: -random.randint(1, 3)]
    return head + packed, f"deflated, style {style}"


def _truncate(random: Random, layout: Layout) -> tuple[bytes, str]:
    data = layout.apply_edits(())
    size = random.randint(1, 16) if random.random() < 0.5 else random.randrange(len(data))
    return data[:-size], f"{size} bytes cut off"


ENVELOPE_CHANGES: Final[Sequence[EnvelopeChange]] = (
    _append,
    _change_meta,
    _change_meta,
    _change_meta,
    _add_meta_carrier,
    _add_meta_carrier,
    _change_syntax,
    _change_preamble,
    _change_deflate,
    _truncate,
)
