"""Items too large to hold in memory as they enter the MAC: slow, any encoding, memory flat."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from dcmseal import tags
from dcmseal.dataset.fragments import BoundarySearch
from dcmseal.dataset.header import Kind, ambiguous_vr, kind_of
from dcmseal.dataset.source import BULK, Source
from dcmseal.dataset.syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.vr import SHORT_VRS, WORD_SIZE, is_unknown, minimal
from dcmseal.dataset.walk import CLOSING, OPENING, UNTIL_DELIMITER, Event, Step, walk
from dcmseal.mac.context import CONTEXT_TAGS, Context, VrRules, choose_vr
from dcmseal.mac.headers import explicit_header, swapped
from dcmseal.mac.parts import ITEM, SEQUENCE_DELIMITER, ExcessPadding, Sighting, Unsignable


def encode_item(  # noqa: C901 - one step of the walk after the other
    source: Source,
    start: int,
    end: int,
    encoding: Encoding,
    notes: Sighting,
    *,
    rules: VrRules,
    context: Context,
    check_padding: bool = False,
) -> Generator[bytes, None, int]:
    """Yield the elements of an item that starts at ``start`` with its first element; returns where the item ends.

    ``end`` may be UNTIL_DELIMITER. Raises Unsignable, Malformed and, with ``check_padding``, ExcessPadding.
    """
    notes.unusual = True
    contexts = [context]
    skipping = 0
    position = end
    for step in walk(source, start, end, encoding):
        if skipping:
            if step.event in (Event.ELEMENT, Event.SEQUENCE) and is_unknown(step.vr):
                raise Unsignable(step.tag, step.start)
            skipping += (step.event in OPENING) - (step.event in CLOSING)
            continue
        if step.event in (Event.ELEMENT, *OPENING):
            length = UNDEFINED_LENGTH if step.end == UNTIL_DELIMITER else step.end - step.value
            kind = kind_of(step.tag, step.vr, length)
            if kind is Kind.EXCLUDED:
                if step.tag in tags.MACRO:
                    notes.has_signatures = True
                if is_unknown(step.vr):
                    raise Unsignable(step.tag, step.start)
                skipping = int(step.event in OPENING)
                continue
            vr = _vr(step, contexts[-1], rules, notes)
            too_long = vr in SHORT_VRS and kind is Kind.PLAIN and length > 0xFFFE
            if kind is Kind.UNKNOWN or too_long:
                raise Unsignable(step.tag, step.start)
            yield explicit_header(step.tag, vr, length)
            if step.event is Event.ELEMENT:
                if step.tag in CONTEXT_TAGS and length < 8:
                    contexts[-1] = contexts[-1].with_element(step.tag, source.read(step.value, step.end))
                yield from _value(source, step, vr, check_padding=check_padding)
        elif step.event is Event.ITEM:
            contexts.append(contexts[-1].for_item(rules))
            yield ITEM
        elif step.event is Event.ITEM_END:
            contexts.pop()
            position = step.end
        elif step.event is Event.FRAGMENT:
            yield ITEM
            search = BoundarySearch()
            for piece in pieces(source, step.value, step.end):
                search.update(piece)
                yield piece
            notes.hidden_boundary = notes.hidden_boundary or search.finish()
        else:
            yield SEQUENCE_DELIMITER
    return position if end == UNTIL_DELIMITER else end


def _vr(step: Step, context: Context, rules: VrRules, notes: Sighting) -> bytes:
    choices = ambiguous_vr(step.tag) if step.encoding.is_implicit and step.event is Event.ELEMENT else ""
    if not choices:
        return step.vr
    notes.ambiguous = True
    return choose_vr(step.tag, choices, context, rules)


def _value(source: Source, step: Step, vr: bytes, *, check_padding: bool) -> Iterator[bytes]:
    word = WORD_SIZE.get(vr, 0) if step.encoding.is_big_endian else 0
    if check_padding and step.end - step.value <= BULK:
        value = source.read(step.value, step.end)
        if minimal(vr, value) != value:
            raise ExcessPadding
    for piece in pieces(source, step.value, step.end):
        yield swapped(piece, word) if word else piece


def pieces(source: Source, start: int, end: int) -> Iterator[bytes]:
    """The bytes from start to end, in pieces that stay good."""
    while start < end:
        stop = min(end, start + BULK)
        yield source.read(start, stop)
        start = stop
