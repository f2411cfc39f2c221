"""Reading ahead: a thread reads the next part of a large file while the caller hashes the one before it."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BufferedReader, FileIO
from queue import SimpleQueue
from threading import Event, Thread
from typing import Final, TypeAlias

from msgspec import Struct

ReadInto: TypeAlias = Callable[[memoryview, int], int]
"""Reads into a buffer from a position of the file; returns the number of bytes, 0 at the end of the file."""

_EMPTY: Final = memoryview(b"")


class ReadAheadLimits(Struct, frozen=True, kw_only=True):
    """Sizes in bytes for reading ahead."""

    min_range: int = 64 << 20
    """Of the smallest range that is read ahead; below that, the thread costs more than it saves (measured)."""
    buffer_size: int = 1 << 20
    buffers: int = 4
    """The number of buffers, one of which is in the hands of the caller."""


DEFAULT_READ_AHEAD: Final = ReadAheadLimits()


def find_positional_read(file: object) -> ReadInto | None:
    """Return a function that reads a file without moving its position.

    Returns:
        The function; None if the object may read differently from the file of the operating system that it is made of,
        or if the system has no such function.
    """
    raw: object = file.raw if type(file) is BufferedReader else file
    if type(raw) is not FileIO or not hasattr(os, "preadv"):
        return None
    descriptor = raw.fileno()
    return lambda buffer, position: os.preadv(descriptor, [buffer], position)


class ReadAhead:
    """Reads a range of a file in a thread, into a few buffers that are used again and again. Close it.

    Args:
        read_into: Reads the file. Only the thread calls it.
        start: Where the range starts.
        end: Where it ends.
        limits: The sizes of the buffers.

    Raises:
        RuntimeError: The system cannot start a thread.
    """

    __slots__ = ("_current", "_end", "_filled", "_free", "_rest", "_stop", "_thread", "position")

    def __init__(self, read_into: ReadInto, start: int, end: int, limits: ReadAheadLimits = DEFAULT_READ_AHEAD) -> None:
        self.position = start
        """Where the next piece starts."""
        self._end = end
        self._free: SimpleQueue[memoryview | None] = SimpleQueue()
        self._filled: SimpleQueue[tuple[memoryview, int] | Exception] = SimpleQueue()
        self._stop = Event()
        self._current: memoryview | None = None
        self._rest = _EMPTY
        for _ in range(limits.buffers):
            self._free.put(memoryview(bytearray(limits.buffer_size)))
        # it does not refer to this object, and a daemon never delays the end of the program
        self._thread = Thread(
            target=_fill_buffers,
            args=(read_into, start, end, self._free, self._filled, self._stop),
            name="dcmseal-read-ahead",
            daemon=True,
        )
        self._thread.start()

    def take(self, size: int) -> memoryview:
        """Return the next bytes, at least one and at most ``size``; none at the end of the range or of the file.

        They are valid until the next call. An exception of ``read_into`` is raised where its bytes were to be returned.
        """
        if not self._rest and self.position < self._end:
            self._rest = self._next_buffer()
        piece, self._rest = self._rest[:size], self._rest[size:]
        self.position += len(piece)
        return piece

    def close(self) -> None:
        """End the thread, and wait until it has ended."""
        self._stop.set()
        self._free.put(None)
        self._thread.join()

    def _next_buffer(self) -> memoryview:
        if self._current is not None:
            self._free.put(self._current)
            self._current = None
        filled = self._filled.get()
        if isinstance(filled, Exception):
            self._end = self.position
            raise filled
        self._current, count = filled
        if not count:
            self._end = self.position
        return self._current[:count]


def _fill_buffers(
    read_into: ReadInto,
    position: int,
    end: int,
    free: SimpleQueue[memoryview | None],
    filled: SimpleQueue[tuple[memoryview, int] | Exception],
    stop: Event,
) -> None:
    try:
        while position < end:
            buffer = free.get()
            if buffer is None or stop.is_set():
                return
            count = read_into(buffer[: end - position], position)
            filled.put((buffer, count))
            if not count:
                return
            position += count
    except Exception as error:  # noqa: BLE001 - the caller gets it
        filled.put(error)
