"""Where the bytes of a Data Set come from: a file read in windows, bytes, or several of both in a row."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from io import RawIOBase
from itertools import accumulate
from typing import Final, Protocol, TypeAlias

from dcmseal.errors import DatasetError, Malformed

Buffer: TypeAlias = bytes | bytearray | memoryview
WINDOW_SIZE: Final = 1 << 16
"""Bytes read at once while looking at headers."""
CHUNK_SIZE: Final = 1 << 16
"""Bytes read at once while passing values on: fits the processor's cache, and memory that is taken without a fault."""


class Source(Protocol):
    """A row of bytes that can be read at any place."""

    @property
    def size(self) -> int: ...

    def window(self, position: int, size: int = WINDOW_SIZE) -> tuple[bytes, int]:
        """Return a buffer and the position of its first byte.

        The buffer holds ``position`` and what follows it: at least 64 bytes, or all there is.
        """
        ...

    def read(self, start: int, end: int) -> bytes:
        """Return exactly the bytes from start to end; raises Malformed if they are not there."""
        ...

    def chunks(self, start: int, end: int) -> Iterator[Buffer]:
        """The bytes from start to end in pieces, each good until the next is asked for."""
        ...


_MIN_WINDOW: Final = 64


class BytesSource:
    """Bytes in memory."""

    __slots__ = ("_data", "_view", "size")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._view = memoryview(data)
        self.size = len(data)

    def window(self, position: int, size: int = WINDOW_SIZE) -> tuple[bytes, int]:
        return self._data, 0

    def read(self, start: int, end: int) -> bytes:
        _check_range(start, end, self.size)
        return self._data[start:end]

    def chunks(self, start: int, end: int) -> Iterator[Buffer]:
        _check_range(start, end, self.size)
        yield self._view[start:end]


class FileSource:
    """A file, read in windows: memory stays flat whatever its size.

    The file is not mapped: a mapped file that shrinks while it is read kills the process.
    """

    __slots__ = ("_buffer", "_head", "_last", "_last_base", "file", "size", "status")

    def __init__(self, file: RawIOBase, size: int, status: os.stat_result | None = None) -> None:
        """``status`` is what the operating system said of the file before anything was read; None if it knows none."""
        self.file = file
        self.size = size
        self.status = status
        self._head = self._read_at(0, min(size, WINDOW_SIZE))
        self._last = b""
        self._last_base = 0
        self._buffer: memoryview | None = None

    def window(self, position: int, size: int = WINDOW_SIZE) -> tuple[bytes, int]:
        head, last = self._head, self._last
        # nearly always one of these two holds enough
        if position + _MIN_WINDOW <= len(head):
            return head, 0
        if 0 <= position - self._last_base <= len(last) - _MIN_WINDOW:
            return last, self._last_base
        enough = min(_MIN_WINDOW, self.size - position)
        if position + enough <= len(head):
            return head, 0
        if not self._last_base <= position <= self._last_base + len(last) - enough:
            last = self._last = self._read_at(position, max(0, min(size, self.size - position)))
            self._last_base = position
            if len(last) < enough:
                raise Malformed("the file became shorter while it was read", position + len(last))
        return last, self._last_base

    def read(self, start: int, end: int) -> bytes:
        if 0 <= start <= end <= len(self._head):
            return self._head[start:end]
        _check_range(start, end, self.size)
        offset = start - self._last_base
        if offset >= 0 and end - self._last_base <= len(self._last):
            return self._last[offset : end - self._last_base]
        pieces: list[bytes] = []
        while start < end:
            piece = self._read_at(start, end - start)
            if not piece:
                raise Malformed("the file became shorter while it was read", start)
            pieces.append(piece)
            start += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def chunks(self, start: int, end: int) -> Iterator[Buffer]:
        _check_range(start, end, self.size)
        for held, base in ((self._head, 0), (self._last, self._last_base)):
            if base <= start < base + len(held):
                stop = min(end, base + len(held))
                yield memoryview(held)[start - base : stop - base]
                start = stop
        if start >= end:
            return
        if self._buffer is None:
            self._buffer = memoryview(bytearray(CHUNK_SIZE))
        buffer, file = self._buffer, self.file
        try:
            while start < end:
                # whoever takes the pieces may read elsewhere in between
                file.seek(start)
                got = file.readinto(buffer if end - start >= CHUNK_SIZE else buffer[: end - start]) or 0
                if not got:
                    raise Malformed("the file became shorter while it was read", start)
                yield buffer if got == CHUNK_SIZE else buffer[:got]
                start += got
        except (OSError, EOFError) as error:
            raise read_error(error) from error

    def _read_at(self, position: int, size: int) -> bytes:
        try:
            self.file.seek(position)
            pieces = [self.file.read(size) or b""]
            missing = size - len(pieces[0])
            while missing and pieces[-1]:
                # a file object that is not buffered may give less than there is
                pieces.append(self.file.read(missing) or b"")
                missing -= len(pieces[-1])
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        except (OSError, EOFError) as error:
            raise read_error(error) from error


class JoinedSource:
    """Parts of sources in a row, read as one: an edited Data Set that was never written."""

    __slots__ = ("_last", "_last_base", "_parts", "_starts", "size")

    def __init__(self, parts: Iterable[tuple[Source, int, int]]) -> None:
        self._parts: Sequence[tuple[Source, int, int]] = [p for p in parts if p[1] < p[2]]
        ends = list(accumulate((end - start for _, start, end in self._parts), initial=0))
        self._starts, self.size = ends[:-1], ends[-1]
        self._last = b""
        self._last_base = 0

    @property
    def parts(self) -> Sequence[tuple[Source, int, int]]:
        return self._parts

    def window(self, position: int, size: int = WINDOW_SIZE) -> tuple[bytes, int]:
        enough = min(_MIN_WINDOW, self.size - position)
        if not self._last_base <= position <= self._last_base + len(self._last) - enough:
            self._last = self.read(position, min(self.size, position + size))
            self._last_base = position
        return self._last, self._last_base

    def read(self, start: int, end: int) -> bytes:
        return b"".join(source.read(a, b) for source, a, b in self.pieces(start, end))

    def chunks(self, start: int, end: int) -> Iterator[Buffer]:
        for source, a, b in self.pieces(start, end):
            yield from source.chunks(a, b)

    def pieces(self, start: int, end: int) -> Iterable[tuple[Source, int, int]]:
        """The parts of the underlying sources that make up the range."""
        _check_range(start, end, self.size)
        index = bisect_right(self._starts, start) - 1
        while start < end:
            source, a, b = self._parts[index]
            offset = start - self._starts[index]
            stop = min(b, a + offset + end - start)
            yield source, a + offset, stop
            start += stop - a - offset
            index += 1


def _check_range(start: int, end: int, size: int) -> None:
    if not 0 <= start <= end:
        raise Malformed(f"{end - start} bytes wanted", start)
    if end > size:
        raise Malformed(f"the file ends {end - size} bytes too early", size)


def read_error(error: OSError | EOFError) -> DatasetError:
    """The error to raise where a file object fails."""
    why = getattr(error, "strerror", None) or error
    return DatasetError(f"cannot read: {why}", hint="check the file, its permissions and the disk")
