"""The MAC byte stream that DCMTK 3.6.6 and later really hash, for data sets with large nested sequences.

DCMTK fills a buffer of 16 KiB and hashes it when it is full. It can resume where it stopped, save in one place: inside
a sequence that is nested in an item of a top-level sequence. What such a sequence still had to give is then lost; only
its delimiter follows. A signature over that stream says nothing about the bytes lost, and is not the standard's.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass, field

from tests.support.reference import Dataset, TreeElement, allowed, data_stream, encode, signable

BUFFER_SIZE = 16384
ITEM, DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


@dataclass(frozen=True, slots=True)
class TruncatedStream:
    """The bytes that DCMTK hashes for a data set, and the number of bytes that it omits."""

    stream: bytes
    lost: int


def truncated_stream(dataset: Dataset, tags: Collection[int] | None = None) -> TruncatedStream:
    """The elements' part of the stream; the signature's own item follows it as always."""
    buffer = _DcmtkBuffer()
    for element in dataset:
        if signable(element) and (tags is None or element.tag in tags):
            _write(element, 0, buffer)
    return TruncatedStream(bytes(buffer.stream), len(data_stream(dataset, tags)) - len(buffer.stream))


class _SequenceLost(Exception):
    """The buffer was full while a nested sequence was open."""


@dataclass(slots=True)
class _DcmtkBuffer:
    stream: bytearray = field(default_factory=bytearray)
    room: int = BUFFER_SIZE

    def require(self, size: int, *, resumable: bool) -> None:
        """Make room; a step that is not resumable loses the rest of its sequence."""
        if self.room < size:
            if not resumable:
                raise _SequenceLost
            self.room = BUFFER_SIZE

    def put(self, data: bytes) -> None:
        self.stream += data
        self.room -= len(data)


def _write(element: TreeElement, depth: int, buffer: _DcmtkBuffer) -> None:
    """Depth 0 is the data set, 1 an item of a top-level sequence, more is nested."""
    if element.items is None:
        _write_value(element, depth, buffer)
    elif depth == 1:
        buffer.require(12, resumable=True)
        try:
            _write_sequence(element, element.items, depth, buffer)
        except _SequenceLost:
            buffer.room = BUFFER_SIZE
            buffer.put(DELIMITER)
    else:
        buffer.require(12, resumable=depth == 0)
        _write_sequence(element, element.items, depth, buffer)


def _write_sequence(element: TreeElement, items: tuple[Dataset, ...], depth: int, buffer: _DcmtkBuffer) -> None:
    buffer.put(struct.pack("<HH", element.tag >> 16, element.tag & 0xFFFF) + b"SQ\0\0")
    for item in items:
        buffer.require(4, resumable=depth == 0)
        buffer.put(ITEM)
        for inner in item:
            if allowed(inner.tag):
                _write(inner, depth + 1, buffer)
    buffer.require(4, resumable=depth <= 1)
    buffer.put(DELIMITER)


def _write_value(element: TreeElement, depth: int, buffer: _DcmtkBuffer) -> None:
    data = encode(element)
    if element.fragments is not None and depth > 1 and len(data) > buffer.room:
        raise NotImplementedError("large fragments in nested sequences: DCMTK loses other parts of those")
    header = len(data) - len(element.value)
    buffer.require(header, resumable=depth <= 1)
    buffer.put(data[:header])
    at = header
    while at < len(data):
        buffer.require(1, resumable=depth <= 1)
        end = min(at + buffer.room, len(data))
        buffer.put(data[at:end])
        at = end
