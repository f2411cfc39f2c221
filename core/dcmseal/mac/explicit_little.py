"""Items of explicit VR little endian input as they enter the MAC (PS3.3 C.12.1.1.3.1.1).

The bytes are already there; only lengths of sequences and items, delimiters and elements that are never signed drop
out. What is left is passed on as runs of the input.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from struct import error as struct_error
from typing import Final

from dcmseal.dataset.fragments import holds_boundary
from dcmseal.dataset.header import header_error, read_header
from dcmseal.dataset.source import Buffer, BytesSource
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.vr import PADDING_BYTES, TEXT_VRS
from dcmseal.dataset.walk import NEVER
from dcmseal.errors import Malformed
from dcmseal.mac.header_codes import (
    CODES,
    EXCLUDED,
    INVALID,
    ITEM_END,
    LONG_PADDED,
    ODD,
    RESERVED,
    SEQUENCE,
    SEQUENCE_RESERVED_USED,
    TEXT,
    UID,
    UNKNOWN,
    learn_code,
)
from dcmseal.mac.stream_common import (
    DEEP_NESTING,
    ITEM,
    MAX_REPEAT_SIZE,
    MAX_REPEATS,
    NO_REPEAT,
    SEEN_ONCE,
    SEQUENCE_DELIMITER,
    EncodingNotes,
    ExcessPadding,
    Repeat,
    UnsignableElement,
    check_depth,
    check_value_padding,
    skip_excluded_element,
)

_ITEM: Final = 0xE000FFFE
_SEQUENCE_DELIMITER: Final = 0xE0DDFFFE
_u32 = Struct("<I").unpack_from
_tag_and_length = Struct("<II").unpack_from


def encode_items(  # noqa: C901 - one loop: calls cost more than the work they would share out
    buffer: bytes,
    base: int,
    start: int,
    end: int,
    parts: list[Buffer],
    notes: EncodingNotes,
    *,
    is_last: bool,
    check_padding: bool = False,
) -> tuple[int, bool]:
    """Pass on the items of a sequence, and its delimiter, as far as the buffer holds them.

    ``start`` is where an item begins and ``end`` where the sequence ends, or NEVER; both count from the start of the
    buffer, which stands at ``base``; ``is_last`` says that nothing follows it. Returns where it stopped, and whether
    that is the end of the sequence; else it is the start of an item that the buffer does not hold. Raises Unsignable,
    Malformed, and, with ``check_padding``, ExcessPadding.
    """
    codes = CODES[check_padding]
    size = len(buffer)
    repeats = notes.repeats
    add = parts.append
    stack: list[tuple[int, int, int]] = []
    sequence_end, item_end, last = end, 0, -1
    position = run = done = start
    done_parts = len(parts)
    open_items = done_open_items = notes.open_items
    try:
        while True:
            if not stack:
                if run < position:
                    add(buffer[run:position])
                    run = position
                done, done_parts, done_open_items = position, len(parts), open_items
            if position < sequence_end:
                tag, length = _tag_and_length(buffer, position)
                if tag == _ITEM:
                    add(buffer[run : position + 4])
                    position += 8
                    run = position
                    last = -1
                    if length == UNDEFINED_LENGTH:
                        item_end = NEVER
                        open_items += 1
                    else:
                        item_end = position + length
                        if item_end > sequence_end or item_end > size:
                            raise Malformed("an item is longer than its sequence", base + position - 8)
                elif tag == _SEQUENCE_DELIMITER and sequence_end == NEVER:
                    add(buffer[run : position + 4])
                    position += 8
                    run = position
                    if length:
                        notes.unusual = True
                    if not stack:
                        notes.open_items = open_items
                        return position, True
                    item_end, sequence_end, last = stack.pop()
                else:
                    raise Malformed("neither an item nor the end of the sequence", base + position)
            elif position == sequence_end:
                if run < position:
                    add(buffer[run:position])
                    run = position
                add(SEQUENCE_DELIMITER)
                if not stack:
                    notes.open_items = open_items
                    return position, True
                item_end, sequence_end, last = stack.pop()
            else:
                raise Malformed("an item is longer than its sequence", base + position)
            while position < item_end:
                try:
                    code, place = codes[buffer[position : position + 8]]
                except KeyError:
                    code, place = learn_code(buffer[position : position + 8], padding=check_padding)
                if place <= last:
                    notes.unusual = True
                last = place
                if code > 0:
                    position += code
                elif code <= TEXT:
                    value = position + 8
                    position -= code if code > UID else code - UID
                    # most values end in a character, and that says all
                    if code <= UID or buffer[position - 1] in PADDING_BYTES:
                        check_value_padding(buffer, value, position, is_ui=code <= UID)
                elif code >= SEQUENCE_RESERVED_USED:
                    length = _u32(buffer, position + 8)[0]
                    if length < MAX_REPEAT_SIZE:
                        element = buffer[position : position + 12 + length]
                        known = repeats.get(element)
                        if known is None:
                            if len(repeats) < MAX_REPEATS:
                                repeats[element] = SEEN_ONCE
                        else:
                            if known is SEEN_ONCE:
                                known = repeats[element] = _encode_repeat(element, notes, check_padding=check_padding)
                            encoded, inside = known
                            if encoded:
                                add(buffer[run:position])
                                add(encoded)
                                open_items += inside
                                position += 12 + length
                                run = position
                                continue
                    stop = position + 12 + length
                    if code == SEQUENCE and length >= 8 and stop <= item_end and stop <= size:
                        # nearly always an item of defined length follows, and often that is all
                        tag, content = _tag_and_length(buffer, position + 12)
                        item_stop = position + 20 + content
                        if tag == _ITEM and item_stop <= stop:
                            add(buffer[run : position + 8])
                            add(ITEM)
                            position += 20
                            run = position
                            inner_last = -1
                            while position < item_stop:
                                try:
                                    code, place = codes[buffer[position : position + 8]]
                                except KeyError:
                                    code, place = learn_code(buffer[position : position + 8], padding=check_padding)
                                if code <= 0:
                                    if code > TEXT or code <= UID or buffer[position - code - 1] in PADDING_BYTES:
                                        break
                                    code = -code
                                if place <= inner_last:
                                    notes.unusual = True
                                inner_last = place
                                position += code
                            if position == item_stop == stop:
                                add(buffer[run:stop])
                                add(SEQUENCE_DELIMITER)
                                run = stop
                                continue
                            stack.append((item_end, sequence_end, last))
                            if len(stack) > DEEP_NESTING:
                                check_depth(len(stack), base + position, notes)
                            item_end, sequence_end, last = item_stop, stop, inner_last
                            continue
                    if code == SEQUENCE:
                        add(buffer[run : position + 8])
                    else:
                        add(buffer[run : position + 6])
                        add(RESERVED)
                    stack.append((item_end, sequence_end, last))
                    position += 12
                    if length == UNDEFINED_LENGTH:
                        sequence_end = NEVER
                    else:
                        sequence_end = position + length
                        if sequence_end > item_end or sequence_end > size:
                            raise Malformed("a sequence is longer than what holds it", base + position - 12)
                    if len(stack) > DEEP_NESTING:
                        check_depth(len(stack), base + position, notes)
                    run = position
                    break
                elif code >= LONG_PADDED:
                    length = _u32(buffer, position + 8)[0]
                    stop = position + 12 + length
                    if length & 1:
                        # undefined, too: only sequences have that here
                        notes.unusual = True
                    if length == UNDEFINED_LENGTH:
                        add(buffer[run:position])
                        position = run = _encode_fragments(buffer, base, position, add, notes)
                    elif stop > size:
                        raise Malformed("the input ends within a Data Element", base + position)
                    else:
                        if code == LONG_PADDED and (length & 1 or buffer[stop - 1 : stop] in PADDING_BYTES):
                            _check_long_padding(buffer, position, stop)
                        position = stop
                elif code == ITEM_END:
                    if item_end != NEVER:
                        raise Malformed("a delimiter in an item of defined length", base + position)
                    add(buffer[run:position])
                    position += 8
                    item_end = run = position
                elif code == ODD:
                    raise ExcessPadding
                else:
                    if run < position:
                        add(buffer[run:position])
                    position, run = _encode_unusual(buffer, base, position, code, add, notes)
            else:
                if position != item_end:
                    raise Malformed("a Data Element is longer than its item", base + position)
    except (struct_error, IndexError, Malformed) as error:
        del parts[done_parts:]
        if not is_last:
            notes.open_items = done_open_items
            return done, False
        if isinstance(error, Malformed):
            raise
        raise Malformed("the input ends within a sequence", base + position) from None


def _encode_unusual(
    buffer: bytes, base: int, position: int, code: int, add: Callable[[bytes], object], notes: EncodingNotes
) -> tuple[int, int]:
    """Take an unusual element; returns the next position, and where the next run starts."""
    header = read_header(buffer, position, Encoding.EXPLICIT_LITTLE) if code != INVALID else None
    if header is None:
        raise header_error(buffer[position : position + 12], base + position, Encoding.EXPLICIT_LITTLE)
    tag, _, size, length = header
    value = position + size
    if code == UNKNOWN:
        raise UnsignableElement(tag, base + position)
    if code == EXCLUDED:
        end = skip_excluded_element(BytesSource(buffer), header, position, base, Encoding.EXPLICIT_LITTLE, notes)
        return end, end
    if length & 1:
        notes.unusual = True
    if length == UNDEFINED_LENGTH:
        end = _encode_fragments(buffer, base, position, add, notes)
        return end, end
    add(buffer[position : position + 6])
    add(RESERVED)
    return value + length, position + 8


def _encode_repeat(element: bytes, notes: EncodingNotes, *, check_padding: bool) -> Repeat:
    """A small sequence as it enters the MAC; NO_REPEAT if it holds anything unusual, which then shows in its place."""
    inner = EncodingNotes()
    inner.repeats = notes.repeats
    parts: list[Buffer] = [element[:6], RESERVED]
    try:
        encode_items(element, 0, 12, len(element), parts, inner, is_last=True, check_padding=check_padding)
    except (Malformed, UnsignableElement, ExcessPadding):
        return NO_REPEAT
    if inner.has_signatures or inner.hidden_boundary or inner.unusual:
        return NO_REPEAT
    return b"".join(parts), inner.open_items


def _check_long_padding(buffer: bytes, position: int, end: int) -> None:
    """Likewise for an element of 32-bit length that starts at ``position``."""
    if buffer[position + 4 : position + 6] in TEXT_VRS:
        check_value_padding(buffer, position + 12, end, is_ui=False)
    elif (end - position) & 1:
        raise ExcessPadding


def _encode_fragments(
    buffer: bytes, base: int, position: int, add: Callable[[bytes], object], notes: EncodingNotes
) -> int:
    """Encapsulated Pixel Data inside an item, as of an icon; always VR OB (PS3.5 A.4)."""
    add(buffer[position : position + 4] + b"OB\0\0")
    position += 12
    while position + 8 <= len(buffer):
        tag, length = _tag_and_length(buffer, position)
        position += 8
        if tag == _SEQUENCE_DELIMITER:
            add(SEQUENCE_DELIMITER)
            return position
        if tag != _ITEM or length == UNDEFINED_LENGTH or position + length > len(buffer):
            raise Malformed("a fragment is damaged", base + position - 8)
        fragment = buffer[position : position + length]
        notes.hidden_boundary = notes.hidden_boundary or holds_boundary(fragment)
        add(ITEM)
        add(fragment)
        position += length
    raise Malformed("the input ends within fragments", base + position)
