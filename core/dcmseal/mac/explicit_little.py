"""Encoder for items in explicit VR little endian, the encoding of the MAC (PS3.3 C.12.1.1.3.1.1).

The input already consists of the bytes of the MAC, except that lengths of sequences and items, delimiters of items and
elements that are never signed are omitted. So runs of the input are passed on.
"""

# Kept apart: the inner loop, which may be compiled.

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
)
from dcmseal.mac.stream_common import (
    DEEP_NESTING,
    ELEMENT_OVERRUN,
    ELEMENT_TRUNCATED,
    EXPECTED_ITEM,
    ITEM,
    ITEM_OVERRUN,
    MAX_REPEAT_DEPTH,
    MAX_REPEAT_SIZE,
    MAX_REPEATS,
    NO_REPEAT,
    SEEN_ONCE,
    SEQUENCE_DELIMITER,
    SEQUENCE_OVERRUN,
    SEQUENCE_TRUNCATED,
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


def encode_items(  # noqa: C901 - one loop, see below
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
    """Encode the complete items of a sequence in a buffer, and its delimiter.

    One loop handles all levels: calls would cost more than the work in them. ``stack`` has an entry for each enclosing
    item. The bytes from ``run`` to ``position`` are part of the MAC, but not in ``parts`` yet.

    Args:
        buffer: Contains the items.
        base: Where the buffer starts in the input.
        start: Where an item of the sequence starts in the buffer.
        end: Where the sequence ends in the buffer, or NEVER.
        parts: Collects the MAC byte stream.
        notes: Records what was found.
        is_last: Whether the buffer ends with the input.
        check_padding: Check that values have minimal padding.

    Returns:
        Where the complete items end, and whether this is the end of the sequence.

    Raises:
        UnsignableElement: The sequence contains an element of VR UN.
        Malformed: The encoding violates PS3.5.
        ExcessPadding: ``check_padding`` is set, and a value has more than minimal padding.
    """
    cache = CODES[check_padding]
    codes = cache.entries
    size = len(buffer)
    repeats = notes.repeats
    add = parts.append
    stack: list[tuple[int, int, int]] = []
    sequence_end, item_end, last_order = end, 0, -1
    position = run = done = start
    done_parts = len(parts)
    open_items = done_open_items = notes.open_items
    try:
        while True:
            # between two items of a sequence
            if not stack:
                # an item of the outermost sequence is complete: this is where to continue if the buffer ends later
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
                    last_order = -1
                    if length == UNDEFINED_LENGTH:
                        item_end = NEVER
                        open_items += 1
                    else:
                        item_end = position + length
                        if item_end > sequence_end or item_end > size:
                            raise Malformed(ITEM_OVERRUN, base + position - 8)
                elif tag == _SEQUENCE_DELIMITER and sequence_end == NEVER:
                    add(buffer[run : position + 4])
                    position += 8
                    run = position
                    if length:
                        notes.unusual = True
                    if not stack:
                        notes.open_items = open_items
                        return position, True
                    item_end, sequence_end, last_order = stack.pop()
                else:
                    raise Malformed(EXPECTED_ITEM, base + position)
            elif position == sequence_end:
                if run < position:
                    add(buffer[run:position])
                    run = position
                add(SEQUENCE_DELIMITER)
                if not stack:
                    notes.open_items = open_items
                    return position, True
                item_end, sequence_end, last_order = stack.pop()
            else:
                raise Malformed(ITEM_OVERRUN, base + position)
            # the elements of an item; ``break`` leads to the items of a nested sequence
            while position < item_end:
                try:
                    code, order = codes[buffer[position : position + 8]]
                except KeyError:
                    code, order = cache.learn(buffer[position : position + 8])
                if order <= last_order:
                    notes.unusual = True
                last_order = order
                if code > 0:
                    position += code
                elif code <= TEXT:
                    value = position + 8
                    position -= code if code > UID else code - UID
                    # most values do not end with a padding byte, and need no closer look
                    if code <= UID or buffer[position - 1] in PADDING_BYTES:
                        check_value_padding(buffer, value, position, is_ui=code <= UID)
                elif code >= SEQUENCE_RESERVED_USED:
                    # a nested sequence: first try to reuse what was encoded for the same bytes
                    length = _u32(buffer, position + 8)[0]
                    stop = position + 12 + length
                    if length < MAX_REPEAT_SIZE and stop <= item_end and stop <= size and len(stack) < MAX_REPEAT_DEPTH:
                        element = buffer[position:stop]
                        known = repeats.get(element)
                        if known is None:
                            if len(repeats) < MAX_REPEATS:
                                repeats[element] = SEEN_ONCE
                        else:
                            if known is SEEN_ONCE:
                                known = repeats[element] = _encode_repeat(element, notes, check_padding=check_padding)
                            encoded, inner_open_items = known
                            if encoded:
                                add(buffer[run:position])
                                add(encoded)
                                open_items += inner_open_items
                                position = run = stop
                                continue
                    if code == SEQUENCE and length >= 8 and stop <= item_end and stop <= size:
                        # usually an item of defined length follows, which is often the only one
                        tag, content = _tag_and_length(buffer, position + 12)
                        item_stop = position + 20 + content
                        if tag == _ITEM and item_stop <= stop:
                            add(buffer[run : position + 8])
                            add(ITEM)
                            position += 20
                            run = position
                            inner_order = -1
                            while position < item_stop:
                                try:
                                    code, order = codes[buffer[position : position + 8]]
                                except KeyError:
                                    code, order = cache.learn(buffer[position : position + 8])
                                if code <= 0:
                                    if code > TEXT or code <= UID or buffer[position - code - 1] in PADDING_BYTES:
                                        break
                                    code = -code
                                if order <= inner_order:
                                    notes.unusual = True
                                inner_order = order
                                position += code
                            if position == item_stop == stop:
                                add(buffer[run:stop])
                                add(SEQUENCE_DELIMITER)
                                run = stop
                                continue
                            # an element that is not plain, or more items follow: enter the item
                            stack.append((item_end, sequence_end, last_order))
                            if len(stack) > DEEP_NESTING:
                                check_depth(len(stack), base + position, notes)
                            item_end, sequence_end, last_order = item_stop, stop, inner_order
                            continue
                    if code == SEQUENCE:
                        add(buffer[run : position + 8])
                    else:
                        add(buffer[run : position + 6])
                        add(RESERVED)
                    stack.append((item_end, sequence_end, last_order))
                    position += 12
                    if length == UNDEFINED_LENGTH:
                        sequence_end = NEVER
                    else:
                        sequence_end = position + length
                        if sequence_end > item_end or sequence_end > size:
                            raise Malformed(SEQUENCE_OVERRUN, base + position - 12)
                    if len(stack) > DEEP_NESTING:
                        check_depth(len(stack), base + position, notes)
                    run = position
                    break
                elif code >= LONG_PADDED:
                    length = _u32(buffer, position + 8)[0]
                    stop = position + 12 + length
                    if length & 1:
                        # undefined lengths are odd numbers, too, and allowed for sequences only
                        notes.unusual = True
                    if length == UNDEFINED_LENGTH:
                        add(buffer[run:position])
                        position = run = _encode_fragments(buffer, base, position, add, notes)
                    elif stop > size:
                        raise Malformed(ELEMENT_TRUNCATED, base + position)
                    else:
                        if code == LONG_PADDED and (length & 1 or (length and buffer[stop - 1] in PADDING_BYTES)):
                            _check_long_padding(buffer, position, stop)
                        position = stop
                elif code == ITEM_END:
                    if item_end != NEVER:
                        raise Malformed("unexpected delimiter in an item of defined length", base + position)
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
                    raise Malformed(ELEMENT_OVERRUN, base + position)
    except (struct_error, IndexError, Malformed) as error:
        del parts[done_parts:]
        if not is_last:
            notes.open_items = done_open_items
            return done, False
        if isinstance(error, Malformed):
            raise
        raise Malformed(SEQUENCE_TRUNCATED, base + position) from None


def _encode_unusual(
    buffer: bytes, base: int, position: int, code: int, add: Callable[[bytes], object], notes: EncodingNotes
) -> tuple[int, int]:
    """Encode an unusual element; returns the next position, and where the next run starts."""
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
    """Encode a small sequence by itself; NO_REPEAT if it contains anything that notes have to mention."""
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
    """Check the padding of an element with a header of twelve bytes."""
    if buffer[position + 4 : position + 6] in TEXT_VRS:
        check_value_padding(buffer, position + 12, end, is_ui=False)
    elif (end - position) & 1:
        raise ExcessPadding


def _encode_fragments(
    buffer: bytes, base: int, position: int, add: Callable[[bytes], object], notes: EncodingNotes
) -> int:
    """Encode Encapsulated Pixel Data in an item, such as that of an icon, with VR OB (PS3.5 A.4)."""
    add(buffer[position : position + 4] + b"OB\0\0")
    position += 12
    while position + 8 <= len(buffer):
        tag, length = _tag_and_length(buffer, position)
        position += 8
        if tag == _SEQUENCE_DELIMITER:
            add(SEQUENCE_DELIMITER)
            return position
        if tag != _ITEM or length == UNDEFINED_LENGTH or position + length > len(buffer):
            raise Malformed("expected a fragment or the end of the Pixel Data", base + position - 8)
        fragment = buffer[position : position + length]
        notes.hidden_boundary = notes.hidden_boundary or holds_boundary(fragment)
        add(ITEM)
        add(fragment)
        position += length
    raise Malformed("the file is truncated inside fragments", base + position)
