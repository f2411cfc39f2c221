"""A simple but slow iterator over all Data Elements at all levels, for any encoding."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from dcmseal import tags
from dcmseal.dataset.header import ElementKind, element_kind, header_error, overrun_error, read_header
from dcmseal.dataset.source import Source
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.errors import Malformed
from dcmseal.tags import format_tag

MAX_DEPTH: Final = 256
"""The largest depth of nested sequences to accept; real objects stay below 20."""
UNTIL_DELIMITER: Final = -1
"""Stands for the unknown end of a level or sequence of undefined length."""
NEVER: Final = 1 << 62
"""Stands for the same in comparisons: it is greater than any position."""


class Event(IntEnum):
    """What a step of the walk has found."""

    ELEMENT = 0
    SEQUENCE = 1
    ITEM = 2
    ITEM_END = 3
    SEQUENCE_END = 4
    ENCAPSULATED = 5
    FRAGMENT = 6
    ENCAPSULATED_END = 7


OPENING_EVENTS: Final = (Event.SEQUENCE, Event.ENCAPSULATED)
CLOSING_EVENTS: Final = (Event.SEQUENCE_END, Event.ENCAPSULATED_END)
_END_EVENTS: Final = {
    Event.ITEM: Event.ITEM_END,
    Event.SEQUENCE: Event.SEQUENCE_END,
    Event.ENCAPSULATED: Event.ENCAPSULATED_END,
}


class Step(NamedTuple):
    """One step of the walk: the ``start`` of an element, the start of its ``value``, and its ``end``.

    ``end`` is UNTIL_DELIMITER if the length is undefined. Of an ``_END`` event, ``start`` and ``end`` are those of the
    delimiter; without a delimiter, both are the end of the item or sequence.
    """

    event: Event
    tag: int
    vr: bytes
    start: int
    value: int
    end: int
    encoding: Encoding


class _OpenSequence(NamedTuple):
    """A sequence or item during the walk."""

    event: Event
    tag: int
    end: int
    encoding: Encoding


def walk(
    source: Source, start: int, end: int, encoding: Encoding, inside: Event = Event.ITEM
) -> Generator[Step, int | None]:
    """Iterate over the elements of a level, and everything nested in them.

    After SEQUENCE or ITEM_END, a caller that has read some items itself can send the position of the next one.

    Args:
        source: Contains the level.
        start: Where it starts.
        end: Where it ends; or UNTIL_DELIMITER, and then the walk ends with the ``_END`` event of the delimiter.
        encoding: How it is encoded.
        inside: Event.SEQUENCE to iterate over the items of a sequence instead.

    Raises:
        Malformed: The encoding violates PS3.5 section 7.
    """
    stack = [_OpenSequence(inside, 0, end, encoding)]
    position = start
    while stack:
        level = stack[-1]
        if level.end == position:
            stack.pop()
            if stack:
                position = (yield _closing_step(level, position, position)) or position
            continue
        buffer, base = source.window(position)
        header = read_header(buffer, position - base, level.encoding)
        if header is None:
            raise header_error(buffer[position - base : position - base + 12], position, level.encoding)
        tag, vr, size, length = header
        value = position + size
        # the length of a delimiter has no meaning (PS3.5 7.5.2)
        is_delimiter = not vr and tag != tags.ITEM
        stop = value if is_delimiter else UNTIL_DELIMITER if length == UNDEFINED_LENGTH else value + length
        limit = source.size if level.end == UNTIL_DELIMITER else level.end
        if stop > limit:
            raise overrun_error(tag, position, at_end_of_file=limit == source.size)
        if not vr:
            if _is_delimiter(level.event, tag) and level.end == UNTIL_DELIMITER:
                stack.pop()
                value = (yield _closing_step(level, position, value)) or value
            elif tag == tags.ITEM and level.event is Event.SEQUENCE:
                yield Step(Event.ITEM, tag, vr, position, value, stop, level.encoding)
                stack.append(_OpenSequence(Event.ITEM, tag, stop, level.encoding))
            elif tag == tags.ITEM and level.event is Event.ENCAPSULATED and stop != UNTIL_DELIMITER:
                yield Step(Event.FRAGMENT, tag, vr, position, value, stop, level.encoding)
                value = stop
            else:
                raise Malformed(f"unexpected item or delimiter {format_tag(tag)}", position)
            position = value
            continue
        if level.event is not Event.ITEM:
            raise Malformed(f"expected an item instead of {format_tag(tag)}", position)
        event, inner = _opening_event(header.tag, vr, length, level.encoding)
        value = (yield Step(event, tag, vr, position, value, stop, level.encoding)) or value
        if event is Event.ELEMENT:
            position = stop
        else:
            if len(stack) >= 2 * MAX_DEPTH:
                raise Malformed(f"sequences are nested more than {MAX_DEPTH} levels deep", position)
            stack.append(_OpenSequence(event, tag, stop, inner))
            position = value


def _opening_event(tag: int, vr: bytes, length: int, encoding: Encoding) -> tuple[Event, Encoding]:
    if vr == b"SQ":
        return Event.SEQUENCE, encoding
    if length != UNDEFINED_LENGTH:
        return Event.ELEMENT, encoding
    if element_kind(tag, vr, length) is ElementKind.ENCAPSULATED:
        return Event.ENCAPSULATED, encoding
    # UN of undefined length contains items in implicit VR little endian (PS3.5 6.2.2, note)
    return Event.SEQUENCE, Encoding.IMPLICIT_LITTLE if vr == b"UN" else encoding


def _is_delimiter(event: Event, tag: int) -> bool:
    if event is Event.ITEM:
        return tag == tags.ITEM_DELIMITATION_ITEM
    return tag == tags.SEQUENCE_DELIMITATION_ITEM


def _closing_step(level: _OpenSequence, start: int, end: int) -> Step:
    return Step(_END_EVENTS[level.event], level.tag, b"", start, end, end, level.encoding)


def iter_element_steps(source: Source, start: int, encoding: Encoding) -> Iterator[Step]:
    """Walk through one element; the last step ends where the element ends."""
    depth = 0
    for step in walk(source, start, UNTIL_DELIMITER, encoding):
        depth += (step.event in OPENING_EVENTS) - (step.event in CLOSING_EVENTS)
        yield step
        if not depth and step.event is not Event.ITEM_END:
            return


def find_element_end(source: Source, start: int, encoding: Encoding) -> int:
    """Find the end of an element of undefined length, including its delimiter."""
    end = start
    for step in iter_element_steps(source, start, encoding):
        end = step.end
    return end
