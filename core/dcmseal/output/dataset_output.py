"""Writing of files with an edited Data Set, to paths, URLs and streams."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO
from typing import BinaryIO, Final, Protocol

from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.source import Buffer, FileSource, JoinedSource, Source
from dcmseal.errors import OutputError
from dcmseal.output.file_descriptors import find_descriptor
from dcmseal.output.file_permissions import FilePermissions
from dcmseal.output.output_file import Original, OutputFile
from dcmseal.output.staged_outputs import StagedOutputs, stage_outputs
from dcmseal.plugins.registry_provider import RegistryProvider, no_plugins
from dcmseal.urls import URL_SEPARATOR

_LEVELS: Final = (6, 9, 1, 5, 4, 3, 2, 7, 8)
"""Levels of zlib, the most common ones first."""
_PREFIX_SIZE: Final = 1 << 16
"""Bytes of a deflated stream to compare."""
_MAX_INFLATED: Final = 8 << 20
"""Size in bytes to which these may be inflated."""


class Deflater(Protocol):
    """A compressor, as returned by ``zlib.compressobj``."""

    def compress(self, data: Buffer, /) -> bytes: ...
    def flush(self) -> bytes: ...


def build_matching_deflater(source: Source, start: int) -> Deflater:
    """Build a compressor with the level of an existing stream, so that removing a signature restores the same file.

    Args:
        source: Contains the existing raw stream (PS3.5 A.5).
        start: Where the stream starts.

    Returns:
        A compressor for a raw stream, of the default level if no level of zlib matches.
    """
    level = _find_level(source.read(start, min(source.size, start + _PREFIX_SIZE)))
    return zlib.compressobj(level, wbits=-zlib.MAX_WBITS)


def _find_level(stream: bytes) -> int:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(stream, _MAX_INFLATED)
    except zlib.error:
        return _LEVELS[0]
    for level in _LEVELS:
        deflater = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
        # without a flush, the output is a prefix of any longer stream
        output = deflater.compress(plain) + (deflater.flush() if inflater.eof else b"")
        if output and stream.startswith(output):
            return level
    return _LEVELS[0]


_KERNEL_COPY: Final = 1 << 17
"""Size in bytes of the smallest range to copy by the kernel, which takes a fifth less time (measured)."""


def write_file(
    file: DicomFile,
    body: Source,
    target: str | os.PathLike[str],
    registry: RegistryProvider = no_plugins,
) -> None:
    """Write a file with another body to a path or URL, atomically; see ``stage_file`` for arguments and errors."""
    with stage_outputs() as outputs:
        stage_file(outputs, file, body, target, registry)
        outputs.commit()


def stage_file(
    outputs: StagedOutputs,
    file: DicomFile,
    body: Source,
    target: str | os.PathLike[str],
    registry: RegistryProvider = no_plugins,
) -> None:
    """Write a file with another body to a path or URL, where it appears when the outputs are committed.

    An edited file keeps its attributes. A new file does not grant more permissions than the one that was read.

    Args:
        outputs: The outputs to add it to.
        file: The file that was read.
        body: The new body.
        target: The path or URL to write to.
        registry: Returns the plugins for URLs.

    Raises:
        OutputError: The file cannot be written.
        ConcurrentModification: Another program has changed the file since it was read.
        UsageError: The URL is invalid.
        PluginError: No plugin supports the URL.
        StorageUnavailable: The storage of the URL cannot be reached.
    """
    if isinstance(target, str) and URL_SEPARATOR in target:
        from dcmseal.plugins.storage_urls import is_url
        from dcmseal.sources.remote_objects import open_url_for_writing, resolve_file_url, version_at

        target = resolve_file_url(target)
        if is_url(target):
            upload = open_url_for_writing(target, version_at(file.file, target), registry)
            _write_dataset(file, body, outputs.add_upload(upload))
            return
    descriptor = find_descriptor(target)
    if descriptor is not None:
        outputs.add_action(lambda: _write_to_descriptor(file, body, descriptor, target))
        return
    with outputs.open_file(_to_output_file(target), None, _find_original(file)) as output:
        if file.syntax.is_deflated:
            _write_deflated_file(file, body, output.write)
        else:
            _copy_body(body, output)


def _write_to_descriptor(file: DicomFile, body: Source, descriptor: int, target: str | os.PathLike[str]) -> None:
    with _open_descriptor(descriptor, target) as stream:
        write_stream(file, body, stream)


def stage_chunks(
    outputs: StagedOutputs,
    pieces: Iterable[bytes],
    target: str | os.PathLike[str],
    permissions: FilePermissions | None = None,
) -> None:
    """Write pieces of bytes to a file, which appears when the outputs are committed.

    Args:
        outputs: The outputs to add it to.
        pieces: The content.
        target: The path to write to.
        permissions: Who may read a new file; None for the permissions of the umask.

    Raises:
        OutputError: The file cannot be written.
    """
    descriptor = find_descriptor(target)
    if descriptor is not None:
        outputs.add_action(lambda: _write_chunks_to_descriptor(pieces, descriptor, target))
        return
    with outputs.open_file(_to_output_file(target), permissions) as output:
        output.writelines(pieces)


def _write_chunks_to_descriptor(pieces: Iterable[bytes], descriptor: int, target: str | os.PathLike[str]) -> None:
    with _open_descriptor(descriptor, target) as stream:
        stream.writelines(pieces)


def write_chunks(
    pieces: Iterable[bytes], target: str | os.PathLike[str], permissions: FilePermissions | None = None
) -> None:
    """Write pieces of bytes to a file, atomically.

    Args:
        pieces: The content. If the iterator raises an error, nothing is replaced.
        target: The path to write to.
        permissions: Who may read a new file; None for the permissions of the umask.

    Raises:
        OutputError: The file cannot be written.
    """
    with stage_outputs() as outputs:
        stage_chunks(outputs, pieces, target, permissions)
        outputs.commit()


def _to_output_file(target: str | os.PathLike[str]) -> OutputFile:
    """Convert a path to an OutputFile."""
    return target if isinstance(target, OutputFile) else OutputFile(os.fspath(target))


def source_permissions(file: DicomFile) -> FilePermissions:
    """Return who may read the file that a Data Set was read from."""
    original = _find_original(file)
    return FilePermissions.everyone() if original is None else FilePermissions.from_file(original.descriptor)


def _find_original(file: DicomFile) -> Original | None:
    """Return the local file that a Data Set was read from; None if it was read from something else."""
    source = file.file
    if not isinstance(source, FileSource) or source.status is None or not stat.S_ISREG(source.status.st_mode):
        return None
    name: object = getattr(source.file, "name", None)
    return Original(source.file.fileno(), source.status, name if isinstance(name, str) else None)


@contextmanager
def _open_descriptor(number: int, target: str | os.PathLike[str]) -> Generator[BinaryIO]:
    """Open a copy of a file descriptor: other holders of the descriptor would not see a new file."""
    try:
        with os.fdopen(os.dup(number), "wb") as output:
            yield output
    except OSError as error:
        raise OutputError(
            f"{os.fspath(target)} cannot be written: {error.strerror or error}", hint="name a file"
        ) from None


def write_stream(file: DicomFile, body: Source, output: BinaryIO) -> None:
    """Write a file with another body to a binary stream; raises OutputError."""

    def write(data: Buffer) -> None:
        # an unbuffered stream may write less than requested
        while data:
            data = memoryview(data)[output.write(data) or 0 :]

    try:
        _write_dataset(file, body, write)
        output.flush()
    except OSError as error:
        raise OutputError(f"the result cannot be written: {error.strerror or error}") from None


def to_file_bytes(file: DicomFile, body: Source) -> bytes:
    """Build the bytes of a file with another body."""
    parts: list[bytes] = []
    _write_dataset(file, body, lambda data: parts.append(bytes(data)))
    return b"".join(parts)


def _write_dataset(file: DicomFile, body: Source, write: Callable[[Buffer], object]) -> None:
    if file.syntax.is_deflated:
        _write_deflated_file(file, body, write)
    else:
        _write_range(body, 0, body.size, write)


def _write_range(source: Source, start: int, end: int, write: Callable[[Buffer], object]) -> None:
    for piece in source.chunks(start, end):
        write(piece)


def _write_deflated_file(file: DicomFile, body: Source, write: Callable[[Buffer], object]) -> None:
    """Write a file with the body as a deflated stream of even length (PS3.5 A.5), compressed like the original."""
    _write_range(file.file, 0, file.meta_end, write)
    deflater = build_matching_deflater(file.file, file.meta_end)
    length = 0

    def deflate(data: Buffer) -> None:
        nonlocal length
        piece = deflater.compress(data)
        length += len(piece)
        write(piece)

    _write_range(body, 0, body.size, deflate)
    rest = deflater.flush()
    write(rest + b"\0" if (length + len(rest)) & 1 else rest)


def _copy_body(body: Source, output: BufferedWriter) -> None:
    parts: Iterable[tuple[Source, int, int]] = ((body, 0, body.size),)
    if isinstance(body, JoinedSource):
        parts = body.pieces(0, body.size)
    for source, first, end in parts:
        start = first
        # the descriptor of other file objects may be that of another file: of the compressed one, for example
        if isinstance(source, FileSource) and isinstance(source.file, FileIO) and end - start >= _KERNEL_COPY:
            output.flush()
            start = _copy_by_kernel(source.file, start, end, output)
        _write_range(source, start, end, output.write)


def _copy_by_kernel(source: FileIO, start: int, end: int, output: BufferedWriter) -> int:
    """Copy a range by the kernel; returns how far this was possible."""
    copy = getattr(os, "copy_file_range", None)
    if copy is None:
        return start
    # on an error, such as another file system or a full disk, the caller writes the rest and reports the cause
    with suppress(OSError):
        while start < end:
            copied = copy(source.fileno(), output.fileno(), end - start, offset_src=start)
            if not copied:
                break
            start += copied
    return start
