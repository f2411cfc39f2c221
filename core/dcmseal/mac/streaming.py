"""Encoder for items that are too large for the memory: slow, for any encoding, with bounded memory."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from dcmseal import tags
from dcmseal.dataset.fragments import BoundarySearch
from dcmseal.dataset.header import ElementKind, ambiguous_vr, element_kind
from dcmseal.dataset.source import CHUNK_SIZE, Source
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.vr import SHORT_VRS, WORD_SIZE, is_unknown_vr, minimize_padding
from dcmseal.dataset.walk import CLOSING_EVENTS, OPENING_EVENTS, UNTIL_DELIMITER, Event, Step, walk
from dcmseal.mac.explicit_headers import build_explicit_header, swap_bytes
from dcmseal.mac.stream_common import ITEM, SEQUENCE_DELIMITER, EncodingNotes, ExcessPadding, UnsignableElement
from dcmseal.mac.vr_context import VrContext, VrRules, choose_vr


def encode_item(  # noqa: C901 - one step of the walk after the other
    source: Source,
    start: int,
    end: int,
    encoding: Encoding,
    notes: EncodingNotes,
    *,
    rules: VrRules,
    context: VrContext,
    check_padding: bool = False,
) -> Generator[bytes, None, int]:
    """Encode the elements of an item, in pieces; returns where the item ends.

    Args:
        source: Contains the item.
        start: Where its first element starts.
        end: Where it ends, or UNTIL_DELIMITER.
        encoding: How it is encoded.
        notes: Records what was found.
        rules: How to choose VRs that depend on the context.
        context: The context of the item.
        check_padding: Check that values have minimal padding.

    Raises:
        UnsignableElement: The item contains an element of VR UN.
        Malformed: The encoding violates PS3.5.
        ExcessPadding: ``check_padding`` is set, and a value has more than minimal padding.
    """
    notes.unusual = True
    contexts = [context]
    skipping = 0
    position = end
    for step in walk(source, start, end, encoding):
        if skipping:
            if step.event in (Event.ELEMENT, Event.SEQUENCE) and is_unknown_vr(step.vr):
                raise UnsignableElement(step.tag, step.start)
            skipping += (step.event in OPENING_EVENTS) - (step.event in CLOSING_EVENTS)
            continue
        if step.event in (Event.ELEMENT, *OPENING_EVENTS):
            length = UNDEFINED_LENGTH if step.end == UNTIL_DELIMITER else step.end - step.value
            kind = element_kind(step.tag, step.vr, length)
            if kind is ElementKind.EXCLUDED:
                if step.tag in tags.MACRO:
                    notes.has_signatures = True
                if is_unknown_vr(step.vr):
                    raise UnsignableElement(step.tag, step.start)
                skipping = int(step.event in OPENING_EVENTS)
                continue
            vr = _choose_element_vr(step, contexts[-1], rules, notes)
            too_long = vr in SHORT_VRS and kind is ElementKind.PLAIN and length > 0xFFFE
            if kind is ElementKind.UNKNOWN or too_long:
                raise UnsignableElement(step.tag, step.start)
            yield build_explicit_header(step.tag, vr, length)
            if step.event is Event.ELEMENT:
                if step.tag in tags.VR_CONTEXT and length < 8:
                    contexts[-1] = contexts[-1].with_element(step.tag, source.read(step.value, step.end))
                yield from _iter_value(source, step, vr, check_padding=check_padding)
        elif step.event is Event.ITEM:
            contexts.append(contexts[-1].for_item(rules))
            yield ITEM
        elif step.event is Event.ITEM_END:
            contexts.pop()
            position = step.end
        elif step.event is Event.FRAGMENT:
            yield ITEM
            search = BoundarySearch()
            for piece in iter_pieces(source, step.value, step.end):
                search.update(piece)
                yield piece
            notes.hidden_boundary = notes.hidden_boundary or search.finish()
        else:
            yield SEQUENCE_DELIMITER
    return position if end == UNTIL_DELIMITER else end


def _choose_element_vr(step: Step, context: VrContext, rules: VrRules, notes: EncodingNotes) -> bytes:
    choices = ambiguous_vr(step.tag) if step.encoding.is_implicit and step.event is Event.ELEMENT else ""
    if not choices:
        return step.vr
    notes.ambiguous = True
    return choose_vr(step.tag, choices, context, rules)


def _iter_value(source: Source, step: Step, vr: bytes, *, check_padding: bool) -> Iterator[bytes]:
    word = WORD_SIZE.get(vr, 0) if step.encoding.is_big_endian else 0
    if check_padding and step.end - step.value <= CHUNK_SIZE:
        value = source.read(step.value, step.end)
        if minimize_padding(vr, value) != value:
            raise ExcessPadding
    for piece in iter_pieces(source, step.value, step.end):
        yield swap_bytes(piece, word) if word else piece


def iter_pieces(source: Source, start: int, end: int) -> Iterator[bytes]:
    """Read the bytes from start to end, in pieces that stay valid."""
    while start < end:
        stop = min(end, start + CHUNK_SIZE)
        yield source.read(start, stop)
        start = stop
