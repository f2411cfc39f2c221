"""Files that are read by range requests: few requests, and the next one is sent ahead."""

# Kept apart: a cache for range requests, which knows nothing of storages and plugins.

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import RawIOBase
from threading import Lock
from typing import IO, TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ReadRange: TypeAlias = Callable[[int, int], bytes]

_GROWTH: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockLimits:
    """Sizes in bytes for a ranged file."""

    min_block: int = 1 << 17
    """Of the first block at a new position; the blocks that follow it are larger."""
    max_block: int = 8 << 20
    max_gap: int = 1 << 18
    """Of the largest gap between two reads that count as sequential."""
    prefetch_from: int = 2 << 20
    """Of the smallest block after which the next one is requested ahead."""
    max_cached: int = 16 << 20
    """Of the blocks to keep in memory, besides the first one."""


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
        read: Returns the bytes between two positions. It is called by one thread at a time.
        size: The size of the file.
        reread: Write blocks that are removed from memory to a temporary file, so that no range is requested twice.
        limits: The sizes of blocks and caches.
    """

    def __init__(
        self, read: ReadRange, size: int, *, reread: bool = False, limits: BlockLimits = _DEFAULT_LIMITS
    ) -> None:
        self._read_range = read
        self.size = size
        self._limits = limits
        self._reread = reread
        self._position = 0
        self._head = _Block(0, b"")
        self._cached: list[_Block] = []
        self._spill_file: IO[bytes] | None = None
        self._spilled: list[tuple[int, int]] = []
        self._prefetched: _Prefetch | None = None
        self._lock = Lock()
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
        ahead = self._prefetched
        if ahead is not None and ahead.start <= position < ahead.end:
            self._prefetched = None
            block = _Block(ahead.start, ahead.data.result())
        else:
            block = _Block(position, self._fetch_range(position, self._block_end(position)))
        self._cache_block(block)
        if len(block.data) >= self._limits.prefetch_from and self._prefetched is None:
            self._prefetch(block.end)
        return block

    def _block_end(self, start: int) -> int:
        """Choose the end of a new block: longer than the block before it, and not overlapping with others."""
        limits = self._limits
        before = [len(each.data) for each in (self._head, *self._cached) if 0 <= start - each.end <= limits.max_gap]
        length = min(limits.max_block, _GROWTH * max(before, default=0)) or limits.min_block
        starts = [*(each.start for each in self._cached), *(spilled for spilled, _ in self._spilled)]
        return min(start + length, self.size, *(each for each in starts if each > start))

    def _cache_block(self, block: _Block) -> None:
        if block.start == 0:
            self._head = block
            return
        self._cached.append(block)
        while sum(len(each.data) for each in self._cached) > self._limits.max_cached:
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
        end = self._block_end(start) if start < self.size else start
        available = [*((each.start, each.end) for each in self._cached), *self._spilled]
        if start < end and not any(first <= start < last for first, last in available):
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, "dcmseal-ahead")
            self._prefetched = _Prefetch(start, end, self._pool.submit(self._fetch_range, start, end))

    def _fetch_range(self, start: int, end: int) -> bytes:
        with self._lock:
            return self._read_range(start, end)
