"""Objects that are read in ranges, each a request, as files: few requests, and the next under way while one is used."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from io import RawIOBase
from threading import Lock
from typing import IO, TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ReadRange: TypeAlias = Callable[[int, int], bytes]

MIN_BLOCK_SIZE: Final = 1 << 17
"""Bytes asked for where nothing was read before; those that follow are more each time, up to ``MAX_BLOCK_SIZE``."""
MAX_BLOCK_SIZE: Final = 8 << 20
_GROWTH: Final = 4
_MAX_GAP: Final = 1 << 18
"""What lies between two reads, and is passed over, while they still count as reading on."""
_STEADY: Final = 2 << 20
"""Who reads on so far will read on: from this size on, the next block is asked for ahead."""
_MAX_CACHED: Final = 16 << 20
"""Bytes that are kept in memory for who comes back to them, besides the first block."""


class _Block(NamedTuple):
    start: int
    data: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.data)


class _Prefetch(NamedTuple):
    start: int
    end: int
    data: Future[bytes]


class RangedFile(RawIOBase):
    """A file that can be sought in, over a function that reads ranges; memory stays flat whatever its size.

    Headers far apart, as on the way past Pixel Data, cost one small request each. Whoever reads on gets larger blocks.
    The function is called by one thread at a time. With ``twice``, what does not stay in memory goes to a temporary
    file, so that no byte is asked for again.
    """

    def __init__(self, read: ReadRange, size: int, *, reread: bool = False) -> None:
        self._read_range = read
        self.size = size
        self._reread = reread
        self._position = 0
        self._head = _Block(0, b"")
        self._kept: list[_Block] = []
        self._copy: IO[bytes] | None = None
        self._copied: list[tuple[int, int]] = []
        self._ahead: _Prefetch | None = None
        self._turn = Lock()
        self._pool: ThreadPoolExecutor | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._position = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence])
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        position = self._position
        if position >= self.size or not view:
            return 0
        block = self._block_at(position)
        piece = memoryview(block.data)[position - block.start :][: len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        if self._copy is not None:
            self._copy.close()
        super().close()

    def _block_at(self, position: int) -> _Block:
        for block in (self._head, *reversed(self._kept)):
            if block.start <= position < block.end:
                return block
        copied = self._read_spilled_block(position)
        if copied is not None:
            self._cache_block(copied)
            return copied
        ahead = self._ahead
        if ahead is not None and ahead.start <= position < ahead.end:
            self._ahead = None
            block = _Block(ahead.start, ahead.data.result())
        else:
            block = _Block(position, self._fetch_range(position, self._block_end(position)))
        self._cache_block(block)
        if len(block.data) >= _STEADY and self._ahead is None:
            self._prefetch(block.end)
        return block

    def _block_end(self, start: int) -> int:
        """Where the block ends that begins here: longer than the one before it, and not beyond what is there."""
        before = [len(each.data) for each in (self._head, *self._kept) if 0 <= start - each.end <= _MAX_GAP]
        length = min(MAX_BLOCK_SIZE, _GROWTH * max(before, default=0)) or MIN_BLOCK_SIZE
        there = [*(each.start for each in self._kept), *(copied for copied, _ in self._copied)]
        return min(start + length, self.size, *(each for each in there if each > start))

    def _cache_block(self, block: _Block) -> None:
        if block.start == 0:
            self._head = block
            return
        self._kept.append(block)
        while sum(len(each.data) for each in self._kept) > _MAX_CACHED:
            self._spill_block(self._kept.pop(0))

    def _spill_block(self, block: _Block) -> None:
        if not self._reread or any(start <= block.start < end for start, end in self._copied):
            return
        if self._copy is None:
            import tempfile

            self._copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this file
        self._copy.seek(block.start)
        self._copy.write(block.data)
        self._copied.append((block.start, block.end))

    def _read_spilled_block(self, position: int) -> _Block | None:
        for start, end in self._copied:
            if start <= position < end and self._copy is not None:
                self._copy.seek(start)
                return _Block(start, self._copy.read(end - start))
        return None

    def _prefetch(self, start: int) -> None:
        end = self._block_end(start) if start < self.size else start
        there = [*((each.start, each.end) for each in self._kept), *self._copied]
        if start < end and not any(first <= start < last for first, last in there):
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, "dcmseal-ahead")
            self._ahead = _Prefetch(start, end, self._pool.submit(self._fetch_range, start, end))

    def _fetch_range(self, start: int, end: int) -> bytes:
        with self._turn:
            return self._read_range(start, end)
