"""Files that are read by range requests: few requests, and the next ones are sent ahead."""

# Kept apart: a cache for range requests, which knows nothing of storages and plugins.

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from io import RawIOBase
from threading import Semaphore
from typing import IO, TYPE_CHECKING, Final, NamedTuple, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ReadRange: TypeAlias = Callable[[int, int], bytes]

_GROWTH: Final = 4


class BlockLimits(Struct, frozen=True, kw_only=True):
    """Sizes in bytes for a ranged file."""

    min_block: int = 1 << 17
    """Of the first block at a new position; the blocks that follow it are larger."""
    max_block: int = 8 << 20
    max_gap: int = 1 << 18
    """Of the largest gap between two reads that count as sequential."""
    max_concurrent_block: int = 2 << 20
    """Of the largest block if several are requested at once, so that together they take no more memory."""
    prefetch_from: int = 2 << 20
    """Of the smallest block after which the next ones are requested ahead."""
    max_cached: int = 16 << 20
    """Of the blocks to keep in memory, besides the first one."""
    max_cached_concurrent: int = 4 << 20
    """The same if several are requested at once, because those are in memory, too."""


_DEFAULT_LIMITS: Final = BlockLimits()


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
    """A seekable file on top of a function that reads ranges, with bounded memory.

    Scattered reads, such as those of headers, cost one small request each; sequential reads get larger blocks.

    Args:
        read: Returns the bytes between two positions.
        size: The size of the file.
        concurrent: The number of threads that may call ``read`` at once.
        reread: Write blocks that are removed from memory to a temporary file, so that no range is requested twice.
        limits: The sizes of blocks and caches.
    """

    def __init__(
        self,
        read: ReadRange,
        size: int,
        *,
        concurrent: int = 1,
        reread: bool = False,
        limits: BlockLimits = _DEFAULT_LIMITS,
    ) -> None:
        self._read_range = read
        self.size = size
        self._limits = limits
        self._concurrent = concurrent
        self._max_block = limits.max_block if concurrent == 1 else limits.max_concurrent_block
        self._max_cached = limits.max_cached if concurrent == 1 else limits.max_cached_concurrent
        self._reread = reread
        self._position = 0
        self._head = _Block(0, b"")
        self._cached: list[_Block] = []
        self._spill_file: IO[bytes] | None = None
        self._spilled: list[tuple[int, int]] = []
        self._prefetched: list[_Prefetch] = []
        self._turns = Semaphore(concurrent)
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
        if self._spill_file is not None:
            self._spill_file.close()
        super().close()

    def _block_at(self, position: int) -> _Block:
        for block in (self._head, *reversed(self._cached)):
            if block.start <= position < block.end:
                return block
        spilled = self._read_spilled_block(position)
        if spilled is not None:
            self._cache_block(spilled)
            return spilled
        ahead = next((each for each in self._prefetched if each.start <= position < each.end), None)
        if ahead is not None:
            self._prefetched.remove(ahead)
            block = _Block(ahead.start, ahead.data.result())
        else:
            block = _Block(position, self._fetch_range(position, self._block_end(position)))
        self._cache_block(block)
        if len(block.data) >= self._limits.prefetch_from:
            self._prefetch(max((block.end, *(each.end for each in self._prefetched))))
        return block

    def _block_end(self, start: int) -> int:
        """Choose the end of a new block: longer than the block before it, and not overlapping with others."""
        limits = self._limits
        known = [(self._head.start, self._head.end), *self._cached_ranges()]
        known += [(each.start, each.end) for each in self._prefetched]
        before = [end - begin for begin, end in known if 0 <= start - end <= limits.max_gap]
        length = min(self._max_block, _GROWTH * max(before, default=0)) or limits.min_block
        return min(start + length, self.size, *(begin for begin, _ in (*known, *self._spilled) if begin > start))

    def _cache_block(self, block: _Block) -> None:
        if block.start == 0:
            self._head = block
            return
        self._cached.append(block)
        while sum(len(each.data) for each in self._cached) > self._max_cached:
            self._spill_block(self._cached.pop(0))

    def _spill_block(self, block: _Block) -> None:
        if not self._reread or any(start <= block.start < end for start, end in self._spilled):
            return
        if self._spill_file is None:
            import tempfile

            self._spill_file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this file
        self._spill_file.seek(block.start)
        self._spill_file.write(block.data)
        self._spilled.append((block.start, block.end))

    def _read_spilled_block(self, position: int) -> _Block | None:
        for start, end in self._spilled:
            if start <= position < end and self._spill_file is not None:
                self._spill_file.seek(start)
                return _Block(start, self._spill_file.read(end - start))
        return None

    def _prefetch(self, start: int) -> None:
        """Request blocks from a position on, as many as may be under way at once."""
        while len(self._prefetched) < self._concurrent and start < self.size:
            if any(begin <= start < end for begin, end in (*self._cached_ranges(), *self._spilled)):
                return
            end = self._block_end(start)
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._concurrent, "dcmseal-ahead")
            self._prefetched.append(_Prefetch(start, end, self._pool.submit(self._fetch_range, start, end)))
            start = end

    def _cached_ranges(self) -> list[tuple[int, int]]:
        return [(each.start, each.end) for each in self._cached]

    def _fetch_range(self, start: int, end: int) -> bytes:
        with self._turns:
            return self._read_range(start, end)
