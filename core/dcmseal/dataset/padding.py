"""Values with more than minimal padding, which DCMTK and archives based on it remove before they hash or store."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final, NamedTuple

from msgspec import Struct, field

from dcmseal.dataset.edits import Edit, LengthField, read_group_length
from dcmseal.dataset.header import ElementKind, element_kind, read_header
from dcmseal.dataset.header_cache import HeaderCache
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dataset.source import Source
from dcmseal.dataset.transfer_syntax import Encoding
from dcmseal.dataset.vr import (
    EXCESS_PADDING,
    SHORT_VRS,
    TEXT_VRS,
    WORD_SIZE,
    is_minimally_padded,
    minimize_padding,
    padding_byte,
)
from dcmseal.dataset.walk import NEVER, UNTIL_DELIMITER, Event, Step, walk
from dcmseal.errors import Malformed

_TAIL_SIZE: Final = 1 << 12


class PaddedElement(NamedTuple):
    """An element with more than minimal padding."""

    path: tuple[int, ...]
    """Tags of the sequences that contain it, and its own."""


class _OpenLevel(Struct):
    """A level or sequence during the walk, and the growth of what was edited in it."""

    step: Step | None
    growth: int = 0
    group_lengths: dict[int, Step] = field(default_factory=dict[int, Step])
    group_growth: dict[int, int] = field(default_factory=dict[int, int])


def build_padding_edits(
    source: Source, start: int, end: int, encoding: Encoding, *, only_padding: bool = False
) -> tuple[list[Edit], list[PaddedElement]]:
    """Build the edits that reduce the padding of all values to the minimum, at all levels.

    Elements that are never signed stay, including the Digital Signatures Macro, which other signatures may cover.

    Args:
        source: The Data Set.
        start: Where it starts.
        end: Where it ends.
        encoding: How it is encoded.
        only_padding: Change the padding of text only, and leave white space within UI and odd binary values.

    Returns:
        The edits, and the elements that they change.

    Raises:
        Malformed: The encoding is broken, or a value does not fit its VR with padding.
    """
    edits: list[Edit] = []
    padded: list[PaddedElement] = []
    stack = [_OpenLevel(None)]
    path: list[int] = []
    skipping = 0
    for step in walk(source, start, end, encoding):
        if step.event in (Event.SEQUENCE, Event.ENCAPSULATED):
            skipping += bool(skipping or exclusion_reason(step.tag))
            path.append(step.tag)
            stack.append(_OpenLevel(step))
        elif step.event is Event.ITEM:
            stack.append(_OpenLevel(step))
        elif step.event in (Event.ITEM_END, Event.SEQUENCE_END, Event.ENCAPSULATED_END):
            if step.event is not Event.ITEM_END:
                path.pop()
                skipping -= bool(skipping)
            if len(stack) > 1:
                closed = stack.pop()
                edits.extend(_iter_length_edits(source, closed))
                parent = stack[-1]
                parent.growth += closed.growth
                _add_group_growth(parent, closed.step, closed.growth)
        elif step.event is Event.ELEMENT and not skipping:
            level = stack[-1]
            if step.tag & 0xFFFF == 0:
                level.group_lengths[step.tag >> 16] = step
                continue
            if exclusion_reason(step.tag):
                continue
            value_edits = list(_iter_value_edits(source, step, only_padding=only_padding))
            if value_edits:
                edits.extend(value_edits)
                padded.append(PaddedElement((*path, step.tag)))
                growth = sum(edit.growth for edit in value_edits)
                level.growth += growth
                _add_group_growth(level, step, growth)
    edits.extend(_iter_length_edits(source, stack[0]))
    return edits, padded


def _add_group_growth(level: _OpenLevel, step: Step | None, growth: int) -> None:
    if step is not None and growth:
        group = step.tag >> 16
        level.group_growth[group] = level.group_growth.get(group, 0) + growth


def _iter_length_edits(source: Source, closed: _OpenLevel) -> Iterator[Edit]:
    step = closed.step
    if step is not None and step.end != UNTIL_DELIMITER and closed.growth:
        yield LengthField(step.value - 4, step.end - step.value, step.encoding).grow(closed.growth)
    for group, growth in closed.group_growth.items():
        length = closed.group_lengths.get(group)
        if length is not None:
            for length_field in read_group_length(source, length.value, length.end, length.encoding):
                yield length_field.grow(growth)


def _iter_value_edits(source: Source, step: Step, *, only_padding: bool = False) -> Iterator[Edit]:
    """Edit the value and length of one element, unless its padding is minimal."""
    length = step.end - step.value
    if not length or not (step.vr in TEXT_VRS or length & 1):
        return
    if only_padding and step.vr in WORD_SIZE:
        return
    if step.vr == b"UI" and length <= _TAIL_SIZE and not only_padding:
        value = source.read(step.value, step.end)
        best = minimize_padding(step.vr, value)
        if best == value:
            return
        kept, rest = 0, best
    else:
        kept = _unpadded_length(source, step) if step.vr in TEXT_VRS else length
        rest = padding_byte(step.vr) if kept & 1 else b""
        if kept + len(rest) == length and source.read(step.value + kept, step.end) == rest:
            return
    new_length = kept + len(rest)
    short = step.vr in SHORT_VRS and not step.encoding.is_implicit
    if short and new_length > 0xFFFF:
        raise Malformed("a value is too long for its VR with padding", step.start)
    packed = (step.encoding.u16 if short else step.encoding.u32).pack(new_length)
    if new_length != length:
        yield Edit(step.value - len(packed), step.value, packed)
    yield Edit(step.value + kept, step.end, rest)


def _unpadded_length(source: Source, step: Step) -> int:
    """Find the length of a text value without padding, reading backwards from its end."""
    end = step.end
    while end > step.value:
        start = max(step.value, end - _TAIL_SIZE)
        tail = source.read(start, end).rstrip(b" \0")
        if tail:
            return start + len(tail) - step.value
        end = start
    return 0


def has_excess_padding(scan: LevelScanner) -> bool:
    """Whether a plain element of a level, nested ones excluded, has more than minimal padding.

    The last bytes of a value show this for nearly all elements, so only few are decoded.
    """
    source, cache = scan.source, _PADDING_ENDS[scan.encoding.key]
    ends = cache.entries
    buffer, base = b"", 0
    for index, start in enumerate(scan.starts):
        at = start - base
        try:
            end = ends[buffer[at : at + 8]]
        except KeyError:
            buffer, base = source.window(start)
            at = start - base
            head = buffer[at : at + 8]
            end = ends[head] if head in ends else cache.learn(head)
        if end > 0:
            if at + end <= len(buffer):
                if buffer.endswith(EXCESS_PADDING, at, at + end):
                    return True
            elif _is_element_padded(scan, index):
                return True
        elif end:
            if at - end <= len(buffer):
                if not is_minimally_padded(buffer, at + 8, at - end, is_ui=True):
                    return True
            elif _is_element_padded(scan, index):
                return True
    return False


def _find_padding_end(encoding: Encoding, start: bytes) -> int:
    """Find where padding would end, from the first eight bytes of a header.

    Returns:
        The distance in bytes from the header to the end of a text value of even length, negative for VR UI; NEVER if
        these bytes are not enough to know; 0 if the element cannot be padded.
    """
    # the length in a header of twelve bytes is not among these bytes
    header = read_header(start + bytes(4), 0, encoding)
    if header is None:
        return 0
    tag, vr, size, length = header
    if element_kind(tag, vr, length) is not ElementKind.PLAIN or (size == 12 and start[6:] != b"\0\0"):
        return 0
    if size == 12 or length & 1:
        return NEVER
    if vr not in TEXT_VRS or not length:
        return 0
    return -size - length if vr == b"UI" else size + length


_PADDING_ENDS: Final = {encoding.key: HeaderCache(partial(_find_padding_end, encoding)) for encoding in Encoding}
"""What ``_find_padding_end`` returns, by encoding and header (measured: 0.3 us for each element, not 0.5 to 0.8)."""


def _is_element_padded(scan: LevelScanner, index: int) -> bool:
    """Whether a plain element of any length has more than minimal padding."""
    tag, vr, size, _ = scan.header(index)
    start, end = scan.element_range(index)
    if (end - start - size) & 1:
        return True
    if vr not in TEXT_VRS:
        return False
    step = Step(Event.ELEMENT, tag, vr, start, start + size, end, scan.encoding)
    return any(True for _ in _iter_value_edits(scan.source, step))
