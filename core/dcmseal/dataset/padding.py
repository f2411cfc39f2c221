"""Values with more than minimal padding: DCMTK, and archives built on it, strip that before they hash or store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dcmseal.dataset.editing import Edit, Holder, group_holder
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.signable import exclusion
from dcmseal.dataset.source import Source
from dcmseal.dataset.syntax import Encoding
from dcmseal.dataset.vr import PADS, SHORT_VRS, TEXT_VRS, WORD_SIZE, is_minimal, minimal, padding_of
from dcmseal.dataset.walk import UNTIL_DELIMITER, Event, Step, walk
from dcmseal.errors import Malformed

_TAIL: Final = 1 << 12


class Padded(NamedTuple):
    """An element that is not minimally padded: path of tags down to it."""

    path: tuple[int, ...]


@dataclass(slots=True)
class _Open:
    """A level or sequence the walk is in."""

    step: Step | None
    growth: int = 0
    group_lengths: dict[int, Step] = field(default_factory=dict[int, Step])
    group_growth: dict[int, int] = field(default_factory=dict[int, int])


def minimise(
    source: Source, start: int, end: int, encoding: Encoding, *, only_padding: bool = False
) -> tuple[list[Edit], list[Padded]]:
    """The edits that bring all values of a Data Set to minimal padding, nested ones included, and which those are.

    What is never signed is left alone, the Digital Signatures Macro in particular: it is part of other signatures.
    Raises Malformed.
    """
    edits: list[Edit] = []
    padded: list[Padded] = []
    stack = [_Open(None)]
    path: list[int] = []
    skipping = 0
    for step in walk(source, start, end, encoding):
        if step.event in (Event.SEQUENCE, Event.ENCAPSULATED):
            skipping += bool(skipping or exclusion(step.tag))
            path.append(step.tag)
            stack.append(_Open(step))
        elif step.event is Event.ITEM:
            stack.append(_Open(step))
        elif step.event in (Event.ITEM_END, Event.SEQUENCE_END, Event.ENCAPSULATED_END):
            if step.event is not Event.ITEM_END:
                path.pop()
                skipping -= bool(skipping)
            if len(stack) > 1:
                closed = stack.pop()
                edits.extend(_length_edits(source, closed))
                holder = stack[-1]
                holder.growth += closed.growth
                _grow_group(holder, closed.step, closed.growth)
        elif step.event is Event.ELEMENT and not skipping:
            level = stack[-1]
            if step.tag & 0xFFFF == 0:
                level.group_lengths[step.tag >> 16] = step
                continue
            made = [] if exclusion(step.tag) else list(_value_edits(source, step, only_padding=only_padding))
            if made:
                edits.extend(made)
                padded.append(Padded((*path, step.tag)))
                growth = sum(edit.growth for edit in made)
                level.growth += growth
                _grow_group(level, step, growth)
    edits.extend(_length_edits(source, stack[0]))
    return edits, padded


def _grow_group(level: _Open, step: Step | None, growth: int) -> None:
    if step is not None and growth:
        group = step.tag >> 16
        level.group_growth[group] = level.group_growth.get(group, 0) + growth


def _length_edits(source: Source, closed: _Open) -> Iterator[Edit]:
    step = closed.step
    if step is not None and step.end != UNTIL_DELIMITER and closed.growth:
        yield Holder(step.value - 4, step.end - step.value, step.encoding).grown(closed.growth)
    for group, growth in closed.group_growth.items():
        length = closed.group_lengths.get(group)
        if length is not None:
            for holder in group_holder(source, length.value, length.end, length.encoding):
                yield holder.grown(growth)


def _value_edits(source: Source, step: Step, *, only_padding: bool = False) -> Iterator[Edit]:
    """Edits to value and length field of one element; none if its padding is minimal."""
    length = step.end - step.value
    if not length or not (step.vr in TEXT_VRS or length & 1):
        return
    if only_padding and step.vr in WORD_SIZE:
        return
    if step.vr == b"UI" and length <= _TAIL and not only_padding:
        value = source.read(step.value, step.end)
        best = minimal(step.vr, value)
        if best == value:
            return
        kept, rest = 0, best
    else:
        kept = _kept(source, step) if step.vr in TEXT_VRS else length
        rest = padding_of(step.vr) if kept & 1 else b""
        if kept + len(rest) == length and source.read(step.value + kept, step.end) == rest:
            return
    new_length = kept + len(rest)
    short = step.vr in SHORT_VRS and not step.encoding.is_implicit
    if short and new_length > 0xFFFF:
        raise Malformed("a value is too long for its VR once padded", step.start)
    packed = (step.encoding.u16 if short else step.encoding.u32).pack(new_length)
    if new_length != length:
        yield Edit(step.value - len(packed), step.value, packed)
    yield Edit(step.value + kept, step.end, rest)


def _kept(source: Source, step: Step) -> int:
    """Length of a text value less its padding, found from its end."""
    end = step.end
    while end > step.value:
        start = max(step.value, end - _TAIL)
        tail = source.read(start, end).rstrip(b" \0")
        if tail:
            return start + len(tail) - step.value
        end = start
    return 0


def has_excess_padding(scan: LevelScanner) -> bool:
    """Whether a plain element of a level is not minimally padded, what is nested apart.

    Looks at the last byte of each value first: nearly all can be told by it.
    """
    source, starts, encoding = scan.source, scan.starts, scan.encoding
    if not starts:
        return False
    explicit = not encoding.is_implicit
    buffer, base = source.window(starts[0])
    for index, (start, end) in enumerate(zip(starts, (*starts[1:], scan.end), strict=True)):
        if index in scan.kinds:
            continue
        at = start - base
        if at < 0 or at + 12 > len(buffer):
            buffer, base = source.window(start)
            at = start - base
        vr = buffer[at + 4 : at + 6] if explicit else scan.header(index).vr
        value = start + (8 if vr in SHORT_VRS or not explicit else 12)
        if (end - value) & 1:
            return True
        if vr not in TEXT_VRS or value == end:
            continue
        stop = end - base
        if stop <= len(buffer):
            is_ui = vr == b"UI"
            if (is_ui or buffer[stop - 1] in PADS) and not is_minimal(buffer, value - base, stop, is_ui=is_ui):
                return True
        elif any(
            True for _ in _value_edits(source, Step(Event.ELEMENT, scan.tags[index], vr, start, value, end, encoding))
        ):
            return True
    return False
