"""The truncated MAC of DCMTK 3.6.6 and later, which omits parts of nested sequences.

When its buffer of 16 KiB is full inside a sequence that is nested in an item of a top-level sequence, DCMTK omits the
rest of that nested sequence, both in signing and in verifying. Such a signature protects less than it lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

from msgspec import Struct

from dcmseal.dataset.header import ElementKind, element_kind
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import Buffer, Source
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH
from dcmseal.dataset.vr import WORD_SIZE
from dcmseal.dataset.walk import CLOSING_EVENTS, OPENING_EVENTS, UNTIL_DELIMITER, Event, Step, walk
from dcmseal.mac.explicit_headers import build_explicit_header, swap_bytes
from dcmseal.mac.mac_encoder import MacEncoder
from dcmseal.mac.stream_common import ITEM, SEQUENCE_DELIMITER
from dcmseal.mac.streaming import iter_pieces

_BUFFER_SIZE: Final = 16384
_NESTED_HEADER: Final = re.compile(rb"SQ|O[BW]..\xff{4}", re.DOTALL)
"""Bytes in the header of every sequence and of all encapsulated pixel data in explicit VR; values may contain them."""
_NESTED_HEADER_SIZE: Final = 8


class _BufferFull(Exception):
    """The buffer is full inside a nested sequence."""


class _Buffer:
    """The buffer of DCMTK, of which only the free space matters."""

    __slots__ = ("_update", "room", "written")

    def __init__(self, update: Callable[[Buffer], object]) -> None:
        self._update = update
        self.room = _BUFFER_SIZE
        self.written = 0

    def reserve(self, size: int, *, nested: bool) -> None:
        """Free the buffer if necessary; raises _BufferFull inside a nested sequence."""
        if self.room < size:
            if nested:
                raise _BufferFull
            self.room = _BUFFER_SIZE

    def append(self, data: bytes) -> None:
        self._update(data)
        self.written += len(data)
        self.room -= len(data)

    def append_value(self, value: bytes, *, nested: bool) -> None:
        """Append a value of any length in pieces that fit."""
        position = 0
        while position < len(value):
            self.reserve(1, nested=nested)
            piece = value[position : position + self.room]
            self.append(piece)
            position += len(piece)

    def skip(self, size: int) -> None:
        """Count bytes outside nested sequences, where DCMTK omits nothing."""
        self.written += size
        self.room = (self.room - size) % _BUFFER_SIZE or (_BUFFER_SIZE if size > self.room else 0)


class Truncation(Struct, frozen=True, kw_only=True):
    """What DCMTK omits from the MAC of a level."""

    lost_bytes: int
    """The number of bytes that DCMTK does not hash."""
    sequences: tuple[tuple[int, int], ...]
    """Tags of top-level sequences, and how many sequences nested in each are truncated."""


def feed_like_dcmtk(
    scan: LevelScanner, encoder: MacEncoder, wanted: Collection[int], update: Callable[[Buffer], object]
) -> Truncation:
    """Feed the elements of a level as DCMTK does.

    Args:
        scan: A complete scan of the level.
        encoder: Encodes the elements.
        wanted: Tags of signable elements.
        update: Receives the bytes.

    Raises:
        Malformed: The encoding violates PS3.5.
    """
    buffer = _Buffer(update)
    total = 0
    truncated: list[tuple[int, int]] = []
    for index, tag in enumerate(scan.tags):
        if tag not in wanted:
            continue
        kind = scan.kinds.get(index, ElementKind.PLAIN)
        if kind is ElementKind.SEQUENCE:
            total += sum(len(chunk) for chunk in encoder.encode_sequence(scan.starts[index]))
            count = sum(1 for _ in _iter_truncations(scan.source, _walk_element(scan, index), buffer))
            if count:
                truncated.append((tag, count))
        elif kind in (ElementKind.PLAIN, ElementKind.RESERVED_NONZERO, ElementKind.ENCAPSULATED):
            for piece in encoder.encode_element(scan, index):
                update(piece)
                buffer.skip(len(piece))
                total += len(piece)
    return Truncation(lost_bytes=total - buffer.written, sequences=tuple(truncated))


_MAX_STEPS: Final = 1_000_000
"""The number of steps after which the search stops."""
_MAX_BYTES: Final = 4_000_000
"""The number of bytes in sequences after which the search stops."""


def is_truncated(scan: LevelScanner, wanted: Collection[int]) -> bool:
    """Whether DCMTK omits part of the MAC, so that it rejects a correct signature.

    If the level is so large that the search would take too long, the answer is yes.

    Args:
        scan: A complete scan of the level.
        wanted: Tags of signable elements.
    """
    sequences = [
        index for index, kind in scan.kinds.items() if kind is ElementKind.SEQUENCE and scan.tags[index] in wanted
    ]
    if not sequences or scan.element_range(sequences[-1])[1] - scan.starts[0] < _BUFFER_SIZE // 2:
        # not enough to fill the buffer, even if explicit VR is longer
        return False
    if not any(_may_have_nested_sequences(scan, index) for index in sequences):
        return False
    buffer = _Buffer(lambda _: None)
    steps = searched = 0

    def limited_walk(index: int) -> Iterator[Step]:
        nonlocal steps
        for step in _walk_element(scan, index):
            steps += 1
            if steps > _MAX_STEPS:
                return
            yield step

    for index, tag in enumerate(scan.tags):
        if tag not in wanted:
            continue
        start, end = scan.element_range(index)
        if scan.kinds.get(index) is ElementKind.SEQUENCE:
            if any(_iter_truncations(scan.source, limited_walk(index), buffer)):
                return True
            searched += end - start
            if steps > _MAX_STEPS or searched > _MAX_BYTES:
                return True
        else:
            buffer.skip(end - start)
    return False


def _may_have_nested_sequences(scan: LevelScanner, index: int) -> bool:
    """Whether items of a sequence may contain sequences; a search in the bytes is faster than a walk."""
    if scan.encoding.is_implicit:
        return True
    rest = b""
    for chunk in scan.source.chunks(*scan.value_range(index)):
        data = rest + bytes(chunk)
        if _NESTED_HEADER.search(data):
            return True
        rest = data[1 - _NESTED_HEADER_SIZE :]
    return False


def _walk_element(scan: LevelScanner, index: int) -> Iterator[Step]:
    return walk(scan.source, *scan.element_range(index), scan.encoding)


def _iter_truncations(source: Source, steps: Iterable[Step], buffer: _Buffer) -> Iterator[bool]:
    """Feed one top-level sequence as DCMTK does; yields True for each nested sequence that it truncates."""
    open_sequences = 0
    skipping = 0
    for step in steps:
        if skipping:
            skipping += (step.event in OPENING_EVENTS) - (step.event in CLOSING_EVENTS)
            continue
        length = UNDEFINED_LENGTH if step.end == UNTIL_DELIMITER else step.end - step.value
        is_element = step.event is Event.ELEMENT or step.event in OPENING_EVENTS
        if is_element and element_kind(step.tag, step.vr, length) is ElementKind.EXCLUDED:
            skipping = int(step.event in OPENING_EVENTS)
            continue
        change = (step.event in OPENING_EVENTS) - (step.event in CLOSING_EVENTS)
        try:
            _feed_step(source, step, length, open_sequences, buffer)
        except _BufferFull:
            buffer.room = _BUFFER_SIZE
            buffer.append(SEQUENCE_DELIMITER)
            # skip the rest of the sequence in the item of the top-level one
            skipping = open_sequences - 1 + change
            open_sequences = 1
            yield True
        else:
            open_sequences += change


def _feed_step(source: Source, step: Step, length: int, open_sequences: int, buffer: _Buffer) -> None:
    if step.event in OPENING_EVENTS:
        buffer.reserve(12, nested=open_sequences > 1)
        buffer.append(build_explicit_header(step.tag, step.vr, length))
    elif step.event is Event.ITEM:
        buffer.reserve(4, nested=open_sequences > 1)
        buffer.append(ITEM)
    elif step.event in CLOSING_EVENTS:
        buffer.reserve(4, nested=open_sequences > 2)
        buffer.append(SEQUENCE_DELIMITER)
    elif step.event is not Event.ITEM_END:
        header = ITEM if step.event is Event.FRAGMENT else build_explicit_header(step.tag, step.vr, length)
        word = WORD_SIZE.get(step.vr, 0) if step.encoding.is_big_endian else 0
        buffer.reserve(len(header), nested=open_sequences > 1)
        buffer.append(header)
        for piece in iter_pieces(source, step.value, step.end):
            buffer.append_value(swap_bytes(piece, word) if word else piece, nested=open_sequences > 1)
