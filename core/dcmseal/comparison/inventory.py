"""List all elements of a Data Set, at every depth, with fingerprints of their values as they enter the MAC.

Fingerprints do not depend on byte order or on defined and undefined lengths. Each element has two: one depends on
padding, the other does not. Pixel data has one fingerprint for each frame or fragment, and is never decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec import Struct

from dcmseal.comparison.fingerprints import Fingerprinter, PlainFingerprinter
from dcmseal.comparison.frames import PIXEL_DATA_TAGS, fingerprint_frames, frame_size
from dcmseal.dataset.header import ambiguous_vr
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dataset.source import CHUNK_SIZE, Source
from dcmseal.dataset.transfer_syntax import Encoding
from dcmseal.dataset.vr import TEXT_VRS, WORD_SIZE, minimize_padding
from dcmseal.dataset.walk import CLOSING_EVENTS, OPENING_EVENTS, UNTIL_DELIMITER, Event, Step, walk
from dcmseal.errors import DatasetError
from dcmseal.mac.explicit_headers import swap_bytes
from dcmseal.mac.streaming import iter_pieces
from dcmseal.mac.vr_context import UNKNOWN_CONTEXT, VrContext, VrRules, choose_vr
from dcmseal.tags import NUMBER_OF_FRAMES, VR_CONTEXT

MAX_ENTRIES: Final = 1_000_000
"""Maximum number of elements, items, frames and fragments, to limit memory."""
_PLAIN: Final = PlainFingerprinter()
_RULES: Final = VrRules()


class ValueRange(NamedTuple):
    """The position and encoding of a value."""

    start: int
    end: int
    encoding: Encoding


class Element(NamedTuple):
    """A Data Element; sequences have ``items``, pixel data may have ``parts``, which are frames or fragments."""

    tag: int
    vr: bytes
    exact: bytes
    """Fingerprint of the value as it enters the MAC; empty for sequences."""
    meaning: bytes
    """Fingerprint of the value with minimal padding; of all items for sequences."""
    items: tuple[InventoryItem, ...] | None = None
    parts: tuple[bytes, ...] = ()
    fragmented: bool = False
    stated: bool = True
    """Whether the file states the VR; in Implicit VR it is derived from the dictionary or the context."""
    undefined: bool | None = None
    """Whether a sequence has undefined length; None if it is unknown, and for other elements."""
    value: ValueRange | None = None


class InventoryItem(NamedTuple):
    """An item of a sequence."""

    elements: tuple[Element, ...]
    meaning: bytes
    undefined: bool | None = None


class Inventory(Struct, frozen=True, kw_only=True):
    """The elements of a level."""

    elements: tuple[Element, ...]
    frame: int = 0
    """Size of a frame of native pixel data in bytes; 0 if the pixel data was not divided into frames."""
    number_of_frames: int = 1


def build_item(elements: tuple[Element, ...], *, undefined: bool | None = None) -> InventoryItem:
    """Build an item with a fingerprint over the meaning of its elements, without VRs and encoding."""
    content = b"".join([each.tag.to_bytes(4, "big") + bytes((len(each.meaning),)) + each.meaning for each in elements])
    return InventoryItem(elements, _PLAIN.fingerprint(content), undefined)


def fingerprint_items(items: tuple[InventoryItem, ...]) -> bytes:
    """Compute the fingerprint of a sequence."""
    return _PLAIN.fingerprint(b"".join([each.meaning for each in items]))


def build_inventory(
    source: Source,
    start: int,
    end: int,
    encoding: Encoding,
    fingerprint: Fingerprinter = _PLAIN,
    frame: int | None = None,
    *,
    only_signable: bool = False,
    max_entries: int = MAX_ENTRIES,
) -> Inventory:
    """List the elements of a level, including nested items.

    Args:
        source: The bytes.
        start: Position of the first element.
        end: End of the level, or UNTIL_DELIMITER.
        encoding: Encoding of the level.
        fingerprint: Computes the fingerprints.
        frame: Frame size of native pixel data in bytes; None to divide it by Number of Frames (0028,0008).
        only_signable: Omit elements that are never signed.
        max_entries: Maximum number of elements, items and frames.

    Returns:
        The inventory.

    Raises:
        Malformed: The level cannot be parsed.
        DatasetError: The level has more elements than can be compared.
    """
    builder = _InventoryBuilder(source, fingerprint, frame, max_entries)
    skipping = 0
    for step in walk(source, start, end, encoding):
        if skipping:
            skipping += (step.event in OPENING_EVENTS) - (step.event in CLOSING_EVENTS)
        elif only_signable and step.event in _WITH_TAG and exclusion_reason(step.tag):
            skipping = int(step.event in OPENING_EVENTS)
        else:
            builder.add_step(step)
    return Inventory(
        elements=tuple(builder.levels[0].elements), frame=builder.frame, number_of_frames=builder.number_of_frames
    )


_ELEMENT, _ITEM, _ITEM_END = Event.ELEMENT, Event.ITEM, Event.ITEM_END
_WITH_TAG: Final = (_ELEMENT, *OPENING_EVENTS)


class _InventoryLevel:
    """An item, or the level itself, while it is built."""

    __slots__ = ("context", "elements", "undefined")

    def __init__(self, context: VrContext, *, undefined: bool) -> None:
        self.context = context
        self.elements: list[Element] = []
        self.undefined = undefined


class _InventorySequence:
    """A sequence, or fragments, while it is built."""

    __slots__ = ("items", "parts", "step")

    def __init__(self, step: Step) -> None:
        self.step = step
        self.items: list[InventoryItem] = []
        self.parts: list[bytes] = []


class _InventoryBuilder:
    """Builds an inventory from the steps of a walk."""

    def __init__(self, source: Source, fingerprint: Fingerprinter, frame: int | None, max_entries: int) -> None:
        self.levels = [_InventoryLevel(UNKNOWN_CONTEXT, undefined=False)]
        self.frame = 0
        self._sequences: list[_InventorySequence] = []
        self._source = source
        self._fingerprint = fingerprint
        self._size = frame
        self.number_of_frames = 1
        self._max_entries = self._left = max_entries

    def add_step(self, step: Step) -> None:
        event = step.event
        self._left -= 1
        if self._left < 0:
            raise _too_many_error(step, self._max_entries)
        if event is _ELEMENT:
            self._add_element(step)
        elif event in OPENING_EVENTS:
            self._sequences.append(_InventorySequence(step))
        elif event is _ITEM:
            context = self.levels[-1].context.for_item(_RULES)
            self.levels.append(_InventoryLevel(context, undefined=step.end == UNTIL_DELIMITER))
        elif event is _ITEM_END:
            # the delimiter of the level itself does not end an item
            if self._sequences:
                level = self.levels.pop()
                self._sequences[-1].items.append(build_item(tuple(level.elements), undefined=level.undefined))
        elif event is Event.FRAGMENT:
            self._sequences[-1].parts.append(self._fingerprint_range(step.value, step.end))
        else:
            self._close_sequence(self._sequences.pop(), step.start)

    def _close_sequence(self, closed: _InventorySequence, end: int) -> None:
        step, parts, items = closed.step, tuple(closed.parts), tuple(closed.items)
        value = ValueRange(step.value, end, step.encoding)
        stated, undefined = not step.encoding.is_implicit, step.end == UNTIL_DELIMITER
        if step.event is Event.ENCAPSULATED:
            together = _PLAIN.fingerprint(b"".join(parts))
            # the MAC always uses VR OB for fragments (PS3.3 C.12.1.1.3.1.1)
            element = Element(step.tag, b"OB", together, together, None, parts, True, stated, None, value)  # noqa: FBT003 - it is fast
        else:
            element = Element(
                step.tag, step.vr, b"", fingerprint_items(items), items, stated=stated, undefined=undefined, value=value
            )
        self.levels[-1].elements.append(element)

    def _add_element(self, step: Step) -> None:
        level = self.levels[-1]
        tag, vr, length = step.tag, step.vr, step.end - step.value
        implicit = step.encoding.is_implicit
        if implicit and (choices := ambiguous_vr(tag)):
            vr = choose_vr(tag, choices, level.context, _RULES)
        parts: tuple[bytes, ...] = ()
        if length <= CHUNK_SIZE and tag not in PIXEL_DATA_TAGS:
            value = self._source.read(step.value, step.end)
            if tag in VR_CONTEXT and length < 8:
                level.context = level.context.with_element(tag, value)
            elif tag == NUMBER_OF_FRAMES and not self._sequences:
                self.number_of_frames = _parse_number(value)
            word = WORD_SIZE.get(vr, 0) if step.encoding.is_big_endian else 0
            if word:
                value = swap_bytes(value, word)
            exact = meaning = self._fingerprint.fingerprint(value)
            if length & 1 or (value and vr in TEXT_VRS):
                least = minimize_padding(vr, value)
                if least != value:
                    meaning = self._fingerprint.fingerprint(least)
        else:
            parts = self._fingerprint_frames(step, vr) if tag in PIXEL_DATA_TAGS and not self._sequences else ()
            exact = meaning = (
                _PLAIN.fingerprint(b"".join(parts))
                if parts
                else self._fingerprint_range(step.value, step.end, vr, step)
            )
        place = ValueRange(step.value, step.end, step.encoding)
        level.elements.append(
            Element(tag, vr, exact, meaning, None, parts, False, not implicit, None, place)  # noqa: FBT003 - it is fast
        )

    def _fingerprint_frames(self, step: Step, vr: bytes) -> tuple[bytes, ...]:
        length = step.end - step.value
        size = frame_size(length, self.number_of_frames) if self._size is None else self._size
        if not size or length % size > 1:
            return ()
        self.frame = size
        self._left -= -(-length // size)
        if self._left < 0:
            raise _too_many_error(step, self._max_entries)
        return fingerprint_frames(self._iter_pieces(step.value, step.end, vr, step), size, self._fingerprint)

    def _fingerprint_range(self, start: int, end: int, vr: bytes = b"OB", step: Step | None = None) -> bytes:
        running = self._fingerprint.start()
        for piece in self._iter_pieces(start, end, vr, step):
            running.update(piece)
        return running.digest()

    def _iter_pieces(self, start: int, end: int, vr: bytes, step: Step | None) -> Iterator[bytes]:
        word = WORD_SIZE.get(vr, 0) if step is not None and step.encoding.is_big_endian else 0
        for piece in iter_pieces(self._source, start, end):
            yield swap_bytes(piece, word) if word else piece


def _too_many_error(step: Step, max_entries: int) -> DatasetError:
    return DatasetError(
        f"the data set has more than {max_entries} elements, items and frames (at byte {step.start})",
        hint="larger data sets cannot be compared",
    )


def _parse_number(value: bytes) -> int:
    text = value.strip(b" \0")
    return int(text) if text.isdigit() and len(text) < 10 else 1
