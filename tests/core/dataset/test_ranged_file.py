"""Objects read in ranges: the same bytes as in a file, few requests, and none of them twice."""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from io import BytesIO
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmseal.dataset.ranged_file import BlockLimits, RangedFile
from dcmseal.errors import DatasetError

DEFAULT_LIMITS = BlockLimits()
STEPS = st.lists(st.tuples(st.integers(-10, 3000), st.integers(0, 800)), max_size=40)


class Served:
    """Bytes, and the ranges of them that were asked for."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: list[tuple[int, int]] = []
        self.busy = threading.Lock()

    def read(self, start: int, end: int) -> bytes:
        assert 0 <= start < end <= len(self.data)
        assert self.busy.acquire(blocking=False), "two at once"
        self.asked.append((start, end))
        self.busy.release()
        return self.data[start:end]

    def file(self, *, twice: bool = False, limits: BlockLimits = DEFAULT_LIMITS) -> RangedFile:
        return RangedFile(self.read, len(self.data), reread=twice, limits=limits)


@given(size=st.integers(0, 2500), steps=STEPS, twice=st.booleans())
def test_reads_as_a_file_does(size: int, steps: list[tuple[int, int]], *, twice: bool) -> None:
    data = os.urandom(size)
    limits = BlockLimits(min_block=16, max_block=256, max_gap=8, prefetch_from=64, max_cached=300)
    served = Served(data)
    with served.file(twice=twice, limits=limits) as file, BytesIO(data) as expected:
        for position, length in steps:
            assert file.seek(max(0, position)) == expected.seek(max(0, position))
            wanted = expected.read(length)
            got = b""
            while piece := cast("bytes", file.read(length - len(got))):
                got += piece
            assert got == wanted
            assert file.tell() == (expected.tell() if wanted else max(0, position))
    if twice:
        asked = sorted(served.asked)
        assert all(one[1] <= other[0] for one, other in pairwise(asked)), "a byte was asked for twice"


def test_reading_on_takes_larger_and_larger_ranges_each_byte_once() -> None:
    served = Served(bytes(40 << 20))
    with served.file() as file:
        while file.read(1 << 16):
            pass
    assert sorted(served.asked) == served.asked
    assert all(one[1] == other[0] for one, other in pairwise(served.asked))
    sizes = [end - start for start, end in served.asked]
    assert sizes[:4] == [1 << 17, 1 << 19, 1 << 21, 1 << 23]
    assert sum(sizes) == 40 << 20
    assert len(sizes) == 8


def test_the_next_range_is_under_way_while_one_is_used() -> None:
    served = Served(bytes(40 << 20))
    with served.file() as file:
        while file.tell() < 3 << 20:
            file.read(1 << 16)
    assert max(end for _, end in served.asked) > 10 << 20


def test_jumps_cost_one_small_range_each_and_nothing_is_read_twice() -> None:
    served = Served(bytes(40 << 20))
    with served.file() as file:
        for position in (0, 10 << 20, 20 << 20, 39 << 20, 0, 10 << 20, 39 << 20):
            file.seek(position)
            file.read(100)
        assert [end - start for start, end in served.asked] == [1 << 17] * 4
        file.seek((10 << 20) - 100)
        file.read(100)
        assert served.asked[-1] == ((10 << 20) - 100, 10 << 20)


def test_an_error_while_reading_ahead_is_raised_on_use() -> None:
    def read(start: int, end: int) -> bytes:
        if end > 20 << 20:
            raise DatasetError("gone")
        return bytes(end - start)

    with RangedFile(read, 40 << 20) as file:
        with pytest.raises(DatasetError, match="gone"):
            list(iter(partial(file.read, 1 << 16), b""))
        assert file.tell() > 8 << 20
    with RangedFile(read, 40 << 20) as file:
        while file.tell() < 3 << 20:
            file.read(1 << 16)


def test_several_ranges_are_requested_at_once_if_they_may_be() -> None:
    data = os.urandom(1 << 20) * 30
    running = most = 0
    lock = threading.Lock()

    def read(start: int, end: int) -> bytes:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return data[start:end]

    limits = BlockLimits()
    with RangedFile(read, len(data), concurrent=4) as file:
        assert b"".join(iter(partial(file.read, 1 << 16), b"")) == data
        held = sum(len(each.data) for each in file._cached)
    assert 1 < most <= 4
    assert held + 4 * limits.max_concurrent_block <= 12 << 20
