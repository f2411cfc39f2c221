"""Writing the result: the old file or the complete new one, whatever happens in between."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import BufferedWriter, FileIO
from typing import TYPE_CHECKING, BinaryIO, Final

from dcmseal.dataset.deflating import deflater_like
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.source import Buffer, FileSource, JoinedSource, Source
from dcmseal.errors import OutputError
from dcmseal.url_mark import URL_MARK

if TYPE_CHECKING:
    from dcmseal.plugins.registry import Registry

_KERNEL_COPY: Final = 1 << 20
"""Ranges of a file from this size on are copied by the kernel, if it can."""
_BINARY: Final = getattr(os, "O_BINARY", 0)


def nothing() -> None:
    """There is nothing to be done before."""


def write_file(
    file: DicomFile,
    body: Source,
    target: str | os.PathLike[str],
    label: str = "",
    registry: Registry | None = None,
    *,
    first: Callable[[], object] = nothing,
) -> None:
    """Write a file with another body to a path or URL.

    The new file is complete, on disk and renamed into place, or the old one is as it was. A ``label`` names the
    temporary file, so that whoever knows it can find what a process that was killed left behind. ``first`` is called
    when nothing is left but the renaming: if it raises, nothing is written. Raises OutputError, and for URLs
    UsageError, PluginError and StorageUnavailable.
    """
    if isinstance(target, str) and URL_MARK in target:
        from dcmseal.engine.remote import local, url_written, version_under
        from dcmseal.plugins.urls import is_url

        target = local(target)
        if is_url(target):
            with url_written(target, version_under(file.file, target), registry) as write:
                _pass_on(file, body, write)
                first()
            return
    path = os.path.realpath(target)
    if os.path.exists(path) and not os.path.isfile(path):
        raise OutputError(f"{os.fspath(target)} is no regular file", hint="it would be replaced: name a file")
    try:
        with _replacing(path, temporary_file(path, label or secrets.token_hex(16)), first) as output:
            if file.syntax.is_deflated:
                _pass_deflated(file, body, output.write)
            else:
                _copy(body, output)
    except OSError as error:
        raise OutputError(
            f"{os.fspath(target)} cannot be written: {error.strerror or error}",
            hint="the old file, if any, is unchanged: check permissions and free space",
        ) from None


def temporary_file(target: str | os.PathLike[str], label: str) -> str:
    """The path of the temporary file that becomes ``target``, under a label that nobody else uses."""
    folder, name = os.path.split(os.path.realpath(target))
    return os.path.join(folder, f".{name[:64]}.{sha256(label.encode()).hexdigest()[:16]}.tmp")


def write_pieces(pieces: Iterable[bytes], target: str | os.PathLike[str]) -> None:
    """Write pieces to a path, all of them or nothing.

    Raises OutputError, and whatever making the pieces raises.
    """
    path = os.path.realpath(target)
    try:
        with _replacing(path, temporary_file(path, secrets.token_hex(16))) as output:
            output.writelines(pieces)
    except OSError as error:
        raise OutputError(
            f"{os.fspath(target)} cannot be written: {error.strerror or error}",
            hint="the old file, if any, is unchanged: check the path, permissions and free space",
        ) from None


def write_stream(file: DicomFile, body: Source, output: BinaryIO) -> None:
    """Write a file with another body to a binary stream; raises OutputError."""

    def write(data: Buffer) -> None:
        # a stream that is not buffered may take less than it is given
        while data:
            data = memoryview(data)[output.write(data) or 0 :]

    try:
        _pass_on(file, body, write)
        output.flush()
    except OSError as error:
        raise OutputError(f"the result cannot be written: {error.strerror or error}") from None


def file_bytes(file: DicomFile, body: Source) -> bytes:
    """The bytes of a file with another body."""
    parts: list[bytes] = []
    _pass_on(file, body, lambda data: parts.append(bytes(data)))
    return b"".join(parts)


def _pass_on(file: DicomFile, body: Source, write: Callable[[Buffer], object]) -> None:
    if file.syntax.is_deflated:
        _pass_deflated(file, body, write)
    else:
        _feed(body, 0, body.size, write)


def _feed(source: Source, start: int, end: int, write: Callable[[Buffer], object]) -> None:
    for piece in source.chunks(start, end):
        write(piece)


def _pass_deflated(file: DicomFile, body: Source, write: Callable[[Buffer], object]) -> None:
    """Pass on preamble and meta information, and the body as one deflated stream of even length (PS3.5 A.5).

    It is deflated as the file was, as far as zlib can.
    """
    _feed(file.file, 0, file.meta_end, write)
    deflater = deflater_like(file.file, file.meta_end)
    length = 0

    def deflate(data: Buffer) -> None:
        nonlocal length
        piece = deflater.compress(data)
        length += len(piece)
        write(piece)

    _feed(body, 0, body.size, deflate)
    rest = deflater.flush()
    write(rest + b"\0" if (length + len(rest)) & 1 else rest)


def _copy(body: Source, output: BufferedWriter) -> None:
    parts: Iterable[tuple[Source, int, int]] = ((body, 0, body.size),)
    if isinstance(body, JoinedSource):
        parts = body.pieces(0, body.size)
    for source, first, end in parts:
        start = first
        # other file objects may have the descriptor of something else, as those that decompress do
        if isinstance(source, FileSource) and isinstance(source.file, FileIO) and end - start >= _KERNEL_COPY:
            output.flush()
            start = _copied_by_kernel(source.file, start, end, output)
        _feed(source, start, end, output.write)


def _copied_by_kernel(source: FileIO, start: int, end: int, output: BufferedWriter) -> int:
    """Copy a range without taking it through this process; returns how far that went."""
    copy = getattr(os, "copy_file_range", None)
    if copy is None:
        return start
    # another file system, or a full disk: the rest goes through this process, which tells
    with suppress(OSError):
        while start < end:
            copied = copy(source.fileno(), output.fileno(), end - start, offset_src=start)
            if not copied:
                break
            start += copied
    return start


@contextmanager
def _replacing(path: str, temporary: str, first: Callable[[], object] = nothing) -> Generator[BufferedWriter]:
    """A temporary file beside ``path`` that takes its place when the context ends well, and goes away when not.

    Its content is on disk before it is renamed: a power cut leaves the old file or the complete new one. The renaming
    itself may be lost, and then the old file is there.
    """
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as output:
            with suppress(FileNotFoundError):
                os.chmod(descriptor if os.chmod in os.supports_fd else temporary, os.stat(path).st_mode & 0o7777)
            yield output
            output.flush()
            os.fsync(output.fileno())
        first()
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
