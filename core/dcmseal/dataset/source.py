"""Sources of bytes: files, bytes in memory, and concatenations of them."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from io import RawIOBase
from itertools import accumulate
from typing import Final, Protocol, TypeAlias

from dcmseal.dataset.read_ahead import DEFAULT_READ_AHEAD, ReadAhead, ReadAheadLimits, find_positional_read
from dcmseal.errors import DatasetError, Malformed

Buffer: TypeAlias = bytes | bytearray | memoryview
WINDOW_SIZE: Final = 1 << 16
"""Bytes to read at once for headers."""
CHUNK_SIZE: Final = 1 << 16
"""Bytes to read at once for values; fits into the processor's cache."""


class Source(Protocol):
    """A sequence of bytes with random access."""

    @property
    def size(self) -> int: ...

    def window(self, position: int, size: int = WINDOW_SIZE) -> tuple[bytes, int]:
        """Return a buffer around a position.

        Args:
            position: A position in the source.
            size: The number of bytes to read if the position is not in a buffer yet.

        Returns:
            A buffer with ``position`` and at least 64 bytes from there, or all until the end of the source; and the
            position of its first byte.
        """
        ...

    def read(self, start: int, end: int) -> bytes:
        """Return exactly the bytes from start to end; raises Malformed if the source ends before."""
        ...

    def chunks(self, start: int, end: int) -> Iterator[Buffer]:
        """Iterate over the bytes from start to end in pieces, which are valid until the next one."""
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
    """A file, read in windows, so that memory is bounded.

    The file is not memory-mapped, because a mapped file that shrinks while it is read kills the process. A large part
    that is read from start to end is read ahead by a thread: close the source to end it.

    Args:
        file: An open file.
        size: Its size.
        status: Its status before anything was read; None if it is not a file of the operating system.
        limits: What is read ahead.
    """

    __slots__ = (
        "_ahead",
        "_buffer",
        "_head",
        "_last",
        "_last_base",
        "_limits",
        "_next",
        "_streak",
        "file",
        "size",
        "status",
    )

    def __init__(
        self,
        file: RawIOBase,
        size: int,
        status: os.stat_result | None = None,
        limits: ReadAheadLimits = DEFAULT_READ_AHEAD,
    ) -> None:
        self.file = file
        self.size = size
        self.status = status
        self._limits = limits
        self._ahead: ReadAhead | None = None
        self._next = 0
        self._streak = 0
        self._head = self._read_at(0, min(size, WINDOW_SIZE))
        self._last = b""
        self._last_base = 0
        self._buffer: memoryview | None = None

    def window(self, position: int, size: int = WINDOW_SIZE) -> tuple[bytes, int]:
        head, last = self._head, self._last
        # one of these two is nearly always enough
        if position + _MIN_WINDOW <= len(head):
            return head, 0
        if 0 <= position - self._last_base <= len(last) - _MIN_WINDOW:
            return last, self._last_base
        enough = min(_MIN_WINDOW, self.size - position)
        if position + enough <= len(head):
            return head, 0
        if not self._last_base <= position <= self._last_base + len(last) - enough:
            # keep the rest of the window before it, so that the file is read from start to end
            kept = last[position - self._last_base :] if position >= self._last_base else b""
            rest = self._read_at(position + len(kept), max(0, min(size, self.size - position) - len(kept)))
            last = self._last = kept + rest if kept else rest
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
        for buffered, base in ((self._head, 0), (self._last, self._last_base)):
            if base <= start < base + len(buffered):
                stop = min(end, base + len(buffered))
                yield memoryview(buffered)[start - base : stop - base]
                start = stop
        if start >= end:
            return
        try:
            while start < end:
                ahead = self._ahead_at(start, end - start)
                piece = self._read_chunk(start, end) if ahead is None else ahead.take(end - start)
                if not piece:
                    raise Malformed("the file became shorter while it was read", start)
                self._note_read(start, len(piece))
                yield piece
                start += len(piece)
        except (OSError, EOFError) as error:
            raise read_error(error) from error

    def close(self) -> None:
        """Stop reading ahead; the file stays open."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.close()

    def _read_chunk(self, start: int, end: int) -> memoryview:
        if self._buffer is None:
            self._buffer = memoryview(bytearray(CHUNK_SIZE))
        buffer = self._buffer
        # seek each time, because the caller may read elsewhere between two pieces
        self.file.seek(start)
        count = self.file.readinto(buffer if end - start >= CHUNK_SIZE else buffer[: end - start]) or 0
        return buffer if count == CHUNK_SIZE else buffer[:count]

    def _read_at(self, position: int, size: int) -> bytes:
        pieces: list[bytes] = []
        try:
            while True:
                ahead = self._ahead_at(position)
                if ahead is None:
                    self.file.seek(position)
                    piece = self.file.read(size) or b""
                else:
                    piece = bytes(ahead.take(size))
                self._note_read(position, len(piece))
                pieces.append(piece)
                position += len(piece)
                size -= len(piece)
                # unbuffered file objects may return less than requested
                if not size or not piece:
                    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        except (OSError, EOFError) as error:
            raise read_error(error) from error

    def _ahead_at(self, position: int, size: int = 0) -> ReadAhead | None:
        """Find or start the thread that reads from a position; None if reading ahead does not pay there.

        Args:
            position: Where the caller reads.
            size: The number of bytes that it is known to read.
        """
        ahead = self._ahead
        if ahead is not None and ahead.position == position:
            return ahead
        enough = self._limits.min_range
        if size >= enough:
            end = position + size
        elif position == self._next and self._streak >= enough and self.size - position >= enough:
            end = self.size
        else:
            return None
        read_into = find_positional_read(self.file)
        if read_into is None:
            return None
        self.close()
        with suppress(RuntimeError):  # too many threads
            self._ahead = ReadAhead(read_into, position, end, self._limits)
        return self._ahead

    def _note_read(self, position: int, size: int) -> None:
        """Count the bytes that were read one after the other."""
        self._streak = size if position != self._next else self._streak + size
        self._next = position + size


class JoinedSource:
    """A concatenation of parts of other sources, such as an edited Data Set that is not written yet.

    Args:
        parts: Sources with the start and end of a part.
    """

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
        """Split a range into parts of the underlying sources."""
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
        raise Malformed(f"cannot read {end - start} bytes", start)
    if end > size:
        raise Malformed(f"the file ends {end - size} bytes too early", size)


def read_error(error: OSError | EOFError) -> DatasetError:
    """Build the error for a file object that cannot be read."""
    why = getattr(error, "strerror", None) or error
    return DatasetError(f"cannot read: {why}", hint="check the file, its permissions and the disk")
