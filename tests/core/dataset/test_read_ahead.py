"""Reading ahead in a thread: the same bytes and errors as without it, few buffers, and no thread that is left over."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from io import BufferedReader, BytesIO, FileIO
from pathlib import Path
from typing import cast

import pytest

import dcmseal
from dcmseal.dataset import read_ahead
from dcmseal.dataset.read_ahead import DEFAULT_READ_AHEAD, ReadAhead, ReadAheadLimits, find_positional_read
from dcmseal.dataset.source import FileSource
from dcmseal.errors import DatasetError, Malformed
from dcmseal.model.verdict import Verdict
from dcmseal.sources.dataset_input import open_source
from tests.support.builder import file, image
from tests.support.pki import Pki
from tests.support.signed_files import build_signer

SMALL = ReadAheadLimits(min_range=1 << 17, buffer_size=1 << 15, buffers=3)
SIZE = 1 << 20
NAME = "dcmseal-read-ahead"

pytestmark = pytest.mark.skipif(not hasattr(os, "preadv"), reason="this system has no positioned reads into buffers")


@pytest.fixture
def data() -> bytes:
    return random.Random(4).randbytes(SIZE)


@pytest.fixture
def path(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "large"
    path.write_bytes(data)
    return path


@pytest.fixture
def source(path: Path) -> Iterator[FileSource]:
    with FileIO(path) as opened:
        source = FileSource(opened, SIZE, limits=SMALL)
        yield source
        source.close()
    assert not _threads()


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == NAME]


def _reader(data: bytes, sizes: Callable[[int], int] = lambda size: size) -> read_ahead.ReadInto:
    def read_into(buffer: memoryview, position: int) -> int:
        piece = data[position : position + sizes(len(buffer))]
        buffer[: len(piece)] = piece
        return len(piece)

    return read_into


def _take_all(ahead: ReadAhead, size: int) -> bytes:
    return b"".join(bytes(piece) for piece in iter(lambda: ahead.take(size), b""))


@pytest.mark.parametrize("take", [1000, 1 << 15, 1 << 20])
@pytest.mark.parametrize("read", [1, 777, 1 << 15])
def test_short_reads_make_the_same_bytes(data: bytes, take: int, read: int) -> None:
    part = data[: 100 * read]
    ahead = ReadAhead(_reader(part, lambda size: min(size, read)), 10, len(part), SMALL)
    assert _take_all(ahead, take) == part[10:]
    assert ahead.position == len(part)
    ahead.close()


def test_no_more_is_read_than_fits_into_the_buffers(data: bytes) -> None:
    reached = 0
    busy = threading.Event()

    def read_into(buffer: memoryview, position: int) -> int:
        nonlocal reached
        reached = position + _reader(data)(buffer, position)
        busy.set()
        return reached - position

    ahead = ReadAhead(read_into, 0, SIZE, SMALL)
    while piece := ahead.take(1000):
        assert reached <= ahead.position - len(piece) + SMALL.buffers * SMALL.buffer_size
        busy.wait(0.0001)
        busy.clear()
    ahead.close()


def test_an_error_comes_after_the_bytes_before_it(data: bytes) -> None:
    def read_into(buffer: memoryview, position: int) -> int:
        if position >= 1 << 16:
            raise OSError(5, "Input/output error")
        return _reader(data)(buffer, position)

    ahead = ReadAhead(read_into, 0, SIZE, SMALL)
    assert bytes(ahead.take(1 << 15)) + bytes(ahead.take(1 << 15)) == data[: 1 << 16]
    with pytest.raises(OSError, match="Input/output"):
        ahead.take(1)
    assert not ahead.take(1)
    ahead.close()


def test_closing_early_ends_the_thread(data: bytes) -> None:
    ahead = ReadAhead(_reader(data), 0, SIZE, SMALL)
    ahead.take(10)
    ahead.close()
    assert not _threads()


def test_a_large_range_is_read_ahead(source: FileSource, data: bytes) -> None:
    pieces = source.chunks(70_000, SIZE)
    assert bytes(next(pieces)) == data[70_000 : 70_000 + SMALL.buffer_size]
    assert _threads()
    assert b"".join(map(bytes, pieces)) == data[70_000 + SMALL.buffer_size :]


def test_reading_elsewhere_meanwhile_does_no_harm(source: FileSource, data: bytes) -> None:
    read = b""
    for piece in source.chunks(0, SIZE):
        read += piece
        at = len(read) // 2
        assert source.read(at, at + 100) == data[at : at + 100]
        buffer, base = source.window(SIZE - 1000)
        assert buffer[SIZE - 1000 - base :] == data[-1000:]
    assert read == data


def test_windows_one_after_the_other_are_read_ahead(source: FileSource, data: bytes) -> None:
    seen = False
    position = 0
    while position < SIZE:
        buffer, base = source.window(position, 5000)
        assert buffer[position - base :][:64] == data[position : position + 64]
        assert buffer == data[base : base + len(buffer)]
        seen = seen or bool(_threads())
        # the next header is at the end of the window
        position = max(position + 1, base + len(buffer) - 5) if base + len(buffer) < SIZE else SIZE
    assert seen


def test_small_ranges_and_other_file_objects_need_no_thread(path: Path, data: bytes) -> None:
    with FileIO(path) as opened:
        source = FileSource(opened, SIZE, limits=SMALL)
        assert b"".join(map(bytes, source.chunks(1 << 16, SMALL.min_range)))
        assert not _threads()
    source = FileSource(cast("FileIO", BytesIO(data)), SIZE, limits=SMALL)
    assert b"".join(map(bytes, source.chunks(0, SIZE))) == data
    assert not _threads()


def test_only_files_of_the_operating_system_are_read_past_their_object(path: Path) -> None:
    class Other(FileIO):
        pass

    with path.open("rb") as buffered, path.open("rb", buffering=0) as raw, Other(path) as other:
        assert isinstance(buffered, BufferedReader)
        assert find_positional_read(buffered)
        assert find_positional_read(raw)
        assert find_positional_read(other) is None
        assert find_positional_read(BytesIO()) is None


def test_a_file_that_becomes_shorter_is_noticed(source: FileSource, path: Path) -> None:
    pieces = source.chunks(0, SIZE)
    next(pieces)
    next(pieces)
    os.truncate(path, 700_000)
    with pytest.raises(Malformed, match="the file became shorter while it was read"):
        list(pieces)


def test_a_disk_error_is_reported_as_without_a_thread(source: FileSource, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "preadv", fail)
    with pytest.raises(DatasetError, match="cannot read: Input/output error"):
        list(source.chunks(0, SIZE))


def test_without_another_thread_the_file_is_read_all_the_same(
    source: FileSource, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    assert b"".join(map(bytes, source.chunks(0, SIZE))) == data


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "large.dcm"
    size = DEFAULT_READ_AHEAD.min_range + (1 << 17)
    path.write_bytes(file(image(pixels=random.Random(5).randbytes(1 << 16) * (size >> 16))))
    return path


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_goes_on_after_an_interrupted_call(error: type[BaseException], large: Path) -> None:
    def read() -> Iterator[int]:
        with open_source(large) as dicom:
            # as a traceback does, the local variable keeps the iterator
            pieces = dicom.file.chunks(0, dicom.file.size)
            next(pieces)
            next(pieces)
            yield len(_threads())
            raise error

    reading = read()
    assert next(reading) == 1
    with pytest.raises(error) as kept:
        next(reading)
    assert kept.traceback
    assert not _threads()


def test_a_large_file_is_signed_and_verified(large: Path, tmp_path: Path, pki: Pki) -> None:
    signed = tmp_path / "signed.dcm"
    started: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        start = threading.Thread.start

        def note(thread: threading.Thread) -> None:
            if thread.name == NAME:
                started.append(thread.name)
            start(thread)

        patch.setattr(threading.Thread, "start", note)
        dcmseal.sign(large, signer=build_signer(pki["rsa2048"]), output=signed)
        assert len(started) == 1
        assert dcmseal.verify(signed, integrity_only=True).verdict is Verdict.VALID
        assert len(started) == 2
    assert not _threads()
    content = bytearray(signed.read_bytes())
    content[len(content) // 2] ^= 1
    signed.write_bytes(content)
    assert dcmseal.verify(signed, integrity_only=True).verdict is Verdict.INVALID
