"""Encoder for items in implicit VR or big endian: the MAC is in explicit VR little endian (PS3.3 Table C.12-6).

Most headers do not change their size. They are overwritten in a copy of the input, and runs of this copy are passed on.
"""

# Kept apart: the inner loop for other encodings, which may be compiled.

from __future__ import annotations

from struct import error as struct_error
from typing import Final

from dcmseal.dataset.element_checks import ITEM_MARKS
from dcmseal.dataset.fragments import holds_boundary
from dcmseal.dataset.header import ambiguous_vr, header_error
from dcmseal.dataset.source import Buffer, BytesSource
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.vr import PADDING_BYTES
from dcmseal.dataset.walk import NEVER
from dcmseal.errors import Malformed
from dcmseal.mac.explicit_headers import (
    CONVERTED_HEADERS,
    HeaderAction,
    build_explicit_header,
    decode_header,
    needs_padding_check,
    swap_bytes,
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
from dcmseal.mac.vr_context import UNKNOWN_CONTEXT, VrContext, VrRules, choose_vr

_UNREADABLE: Final = frozenset({HeaderAction.INVALID, HeaderAction.ITEM_END, HeaderAction.LONG_HEADER})
"""Actions for a header that cannot be decoded or is not allowed at its position."""


class ItemConverter:
    """Converts the items of sequences in one Data Set."""

    __slots__ = ("check_padding", "encoding", "notes", "rules")

    def __init__(self, encoding: Encoding, rules: VrRules, notes: EncodingNotes, *, check_padding: bool) -> None:
        self.encoding = encoding
        self.rules = rules
        self.notes = notes
        self.check_padding = check_padding

    def encode_items(  # noqa: C901 - one loop: calls cost more than the work they would share out
        self,
        buffer: bytes,
        base: int,
        start: int,
        end: int,
        parts: list[Buffer],
        context: VrContext,
        *,
        is_last: bool,
    ) -> tuple[int, bool]:
        """Encode the complete items of a sequence in a buffer, and its delimiter.

        The loop is that of ``explicit_little.encode_items``.

        Args:
            buffer: Contains the items.
            base: Where the buffer starts in the input.
            start: Where an item of the sequence starts in the buffer.
            end: Where the sequence ends in the buffer, or NEVER.
            parts: Collects the MAC byte stream.
            context: The context of the level that contains the sequence.
            is_last: Whether the buffer ends with the input.

        Returns:
            Where the complete items end, and whether this is the end of the sequence.

        Raises:
            UnsignableElement: The sequence contains an element of VR UN.
            Malformed: The encoding violates PS3.5.
            ExcessPadding: Padding is checked, and a value has more than minimal padding.
        """
        rules, size = self.rules, len(buffer)
        cache = CONVERTED_HEADERS[self.encoding, self.check_padding]
        headers, copied, texts = cache.entries, cache.copied, cache.texts
        item_header = self.encoding.item_header.unpack_from
        notes, repeats = self.notes, self.notes.repeats
        out = bytearray(buffer)
        add = parts.append
        stack: list[tuple[int, int, VrContext, int]] = []
        sequence_end: int = end
        item_end, last_order = 0, -1
        position = run = done = start
        done_parts = len(parts)
        open_items = done_open_items = notes.open_items
        outer, context = context, context.for_item(rules)
        try:
            while True:
                if not stack:
                    if run < position:
                        add(out[run:position])
                        run = position
                    done, done_parts, done_open_items = position, len(parts), open_items
                if position < sequence_end:
                    group, element_number, length = item_header(buffer, position)
                    if group != 0xFFFE:
                        raise Malformed(EXPECTED_ITEM, base + position)
                    if run < position:
                        add(out[run:position])
                    position += 8
                    run = position
                    if element_number == 0xE000:
                        add(ITEM)
                        context = (stack[-1][2] if stack else outer).for_item(rules)
                        last_order = -1
                        if length == UNDEFINED_LENGTH:
                            item_end = NEVER
                            open_items += 1
                        else:
                            item_end = position + length
                            if item_end > sequence_end or item_end > size:
                                raise Malformed(ITEM_OVERRUN, base + position - 8)
                    elif element_number == 0xE0DD and sequence_end == NEVER:
                        add(SEQUENCE_DELIMITER)
                        if length:
                            notes.unusual = True
                        if not stack:
                            notes.open_items = open_items
                            return position, True
                        item_end, sequence_end, context, last_order = stack.pop()
                    else:
                        raise Malformed(EXPECTED_ITEM, base + position - 8)
                elif position == sequence_end:
                    if run < position:
                        add(out[run:position])
                        run = position
                    add(SEQUENCE_DELIMITER)
                    if not stack:
                        notes.open_items = open_items
                        return position, True
                    item_end, sequence_end, context, last_order = stack.pop()
                else:
                    raise Malformed(ITEM_OVERRUN, base + position)
                while position < item_end:
                    head = buffer[position : position + 8]
                    found = copied.get(head)
                    if found is not None:
                        # the most frequent case; the end of the item is checked after the loop
                        new_header, step, order = found
                        if order <= last_order or (
                            step > 11
                            and buffer[position + 8] == 0xFE
                            and buffer[position + 8 : position + 12] in ITEM_MARKS
                        ):
                            notes.unusual = True
                        last_order = order
                        out[position : position + 8] = new_header
                        position += step
                        continue
                    if head in texts:
                        new_header, step, order, is_ui = texts[head]
                        out[position : position + 8] = new_header
                        stop: int = position + step
                        if stop > size:
                            raise Malformed(ELEMENT_TRUNCATED, base + position)
                        if order <= last_order or (step > 11 and buffer[position + 8 : position + 12] in ITEM_MARKS):
                            notes.unusual = True
                        last_order = order
                        if is_ui or step & 1 or buffer[stop - 1] in PADDING_BYTES:
                            check_value_padding(buffer, position + 8, stop, is_ui=is_ui)
                        position = stop
                        continue
                    converted = headers.get(head)
                    if converted is None:
                        converted = cache.learn(head)
                        if head in copied or head in texts:
                            # as when the header occurs again
                            continue
                    if converted[0] is HeaderAction.LONG_HEADER:  # faster than .action (measured)
                        whole = buffer[position : position + 12]
                        converted = headers.get(whole) or cache.learn(whole)
                    action, new_header, header_size, length, word, tag, order = converted
                    value = position + header_size
                    if order <= last_order:
                        notes.unusual = True
                    last_order = order
                    stop = value + length
                    if action is HeaderAction.SEQUENCE:
                        if (
                            length < MAX_REPEAT_SIZE
                            and item_end >= stop <= size
                            and len(stack) < MAX_REPEAT_DEPTH
                            and context is UNKNOWN_CONTEXT
                        ):
                            element = buffer[position:stop]
                            known = repeats.get(element)
                            if known is None:
                                if len(repeats) < MAX_REPEATS:
                                    repeats[element] = SEEN_ONCE
                            else:
                                if known is SEEN_ONCE:
                                    known = repeats[element] = self._encode_repeat(element, new_header, header_size)
                                encoded, inside = known
                                if encoded:
                                    add(out[run:position])
                                    add(encoded)
                                    open_items += inside
                                    position = run = stop
                                    continue
                        if length != UNDEFINED_LENGTH and (stop > item_end or stop > size):
                            raise Malformed(SEQUENCE_OVERRUN, base + position)
                        if len(stack) >= DEEP_NESTING:
                            check_depth(len(stack) + 1, base + position, notes)
                        add(out[run:position])
                        add(new_header)
                        position = run = value
                        if 8 <= length < UNDEFINED_LENGTH:
                            # usually an item of defined length follows, which is often the only one
                            group, element_number, content = item_header(buffer, value)
                            item_stop: int = value + 8 + content
                            if group == 0xFFFE and element_number == 0xE000 and item_stop <= stop:
                                add(ITEM)
                                position = run = value + 8
                                inner_order = -1
                                while position < item_stop:
                                    found = copied.get(buffer[position : position + 8])
                                    if found is None:
                                        break
                                    new_header, step, order = found
                                    if order <= inner_order or (
                                        step > 11
                                        and buffer[position + 8] == 0xFE
                                        and buffer[position + 8 : position + 12] in ITEM_MARKS
                                    ):
                                        notes.unusual = True
                                    inner_order = order
                                    out[position : position + 8] = new_header
                                    position += step
                                if position == item_stop == stop:
                                    add(out[run:stop])
                                    add(SEQUENCE_DELIMITER)
                                    run = stop
                                    continue
                                stack.append((item_end, sequence_end, context, last_order))
                                item_end, sequence_end, context = item_stop, stop, context.for_item(rules)
                                last_order = inner_order
                                continue
                        stack.append((item_end, sequence_end, context, last_order))
                        sequence_end = NEVER if length == UNDEFINED_LENGTH else stop
                        break
                    if length > 3 and buffer[value : value + 4] in ITEM_MARKS:
                        notes.unusual = True
                    if action is HeaderAction.ITEM_END and item_end == NEVER:
                        add(out[run:position])
                        position += 8
                        item_end = run = position
                    elif action is HeaderAction.UNKNOWN:
                        raise UnsignableElement(tag, base + position)
                    elif action is HeaderAction.EXCLUDED:
                        add(out[run:position])
                        header = decode_header(buffer, position, self.encoding)
                        position = run = skip_excluded_element(
                            BytesSource(buffer), header, position, base, self.encoding, self.notes
                        )
                    elif action is HeaderAction.ENCAPSULATED:
                        add(out[run:position])
                        position = run = self._transcode_fragments(buffer, base, position, parts)
                    elif action in _UNREADABLE:
                        raise header_error(buffer[position : position + 12], base + position, self.encoding)
                    else:
                        if stop > size:
                            raise Malformed(ELEMENT_TRUNCATED, base + position)
                        if self.check_padding and needs_padding_check(new_header[4:6], length):
                            check_value_padding(buffer, value, stop, is_ui=new_header[4:6] == b"UI")
                        if action is HeaderAction.CHOOSE_VR:
                            notes.ambiguous = True
                            vr = choose_vr(tag, ambiguous_vr(tag), context, rules)
                            new_header = build_explicit_header(tag, vr, length)
                        elif action is HeaderAction.CONTEXT:
                            context = context.with_element(tag, buffer[value:stop])
                        if word:
                            out[value:stop] = swap_bytes(buffer[value:stop], word)
                        if len(new_header) == header_size:
                            out[position:value] = new_header
                        else:
                            add(out[run:position])
                            add(new_header)
                            run = value
                        position = stop
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

    def _encode_repeat(self, element: bytes, new_header: bytes, header_size: int) -> Repeat:
        """Encode a small sequence by itself; NO_REPEAT if it contains anything that notes have to mention."""
        inner = ItemConverter(self.encoding, self.rules, EncodingNotes(), check_padding=self.check_padding)
        parts: list[Buffer] = [new_header]
        try:
            inner.encode_items(element, 0, header_size, len(element), parts, UNKNOWN_CONTEXT, is_last=True)
        except (Malformed, UnsignableElement, ExcessPadding):
            return NO_REPEAT
        notes = inner.notes
        if notes.has_signatures or notes.ambiguous or notes.hidden_boundary or notes.unusual:
            return NO_REPEAT
        return b"".join(parts), notes.open_items

    def _transcode_fragments(self, buffer: bytes, base: int, position: int, parts: list[Buffer]) -> int:
        """Encode Encapsulated Pixel Data in an item, which PS3.5 A.4 does not allow in these encodings, but exists."""
        header = decode_header(buffer, position, self.encoding)
        parts.append(build_explicit_header(header.tag, b"OB", UNDEFINED_LENGTH))
        position += header.size
        while True:
            group, element, length = self.encoding.item_header.unpack_from(buffer, position)
            position += 8
            if (group, element) == (0xFFFE, 0xE0DD):
                parts.append(SEQUENCE_DELIMITER)
                return position
            if (group, element) != (0xFFFE, 0xE000) or position + length > len(buffer):
                raise Malformed("expected a fragment or the end of the Pixel Data", base + position - 8)
            fragment = buffer[position : position + length]
            self.notes.hidden_boundary = self.notes.hidden_boundary or holds_boundary(fragment)
            parts.append(ITEM)
            parts.append(fragment)
            position += length
