"""Opening of inputs: paths, URLs, bytes, binary file objects and pydicom Datasets."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from io import FileIO, RawIOBase, TextIOBase
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias, cast

from dcmseal.dataset.part10 import DicomFile, open_dicom, open_head
from dcmseal.dataset.source import BytesSource, FileSource, read_error
from dcmseal.errors import DatasetError, UsageError
from dcmseal.input_files import open_input
from dcmseal.plugins.registry_provider import RegistryProvider, no_plugins
from dcmseal.urls import URL_SEPARATOR

if TYPE_CHECKING:
    from pydicom import Dataset


DatasetInput: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Dataset"
"""A path, a URL such as ``s3://bucket/image.dcm``, the bytes of a file, a binary file object (read from its start), or
a pydicom Dataset."""

_MAX_IN_MEMORY: Final = 8 << 20


@contextmanager
def open_source(
    source: DatasetInput, registry: RegistryProvider = no_plugins, *, for_update: bool = False
) -> Generator[DicomFile]:
    """Open an input as a context manager.

    Args:
        source: The input.
        registry: Returns the plugins for URLs.
        for_update: Whether all bytes will be read a second time to write a changed file.

    Raises:
        DatasetError: The input cannot be read.
        NotDicom: It is not a DICOM file.
        UsageError: It is of an unsupported type.
        PluginError: No plugin supports the URL.
    """
    if isinstance(source, (str, os.PathLike)):
        with (
            _open_path_or_url(source, registry, reread=for_update) as file,
            closing(_make_source(file)) as read,
            open_dicom(read) as dicom,
        ):
            yield dicom
    elif isinstance(source, (bytes, bytearray, memoryview)):
        with open_dicom(BytesSource(bytes(source))) as dicom:
            yield dicom
    elif is_pydicom_dataset(source):
        from dcmseal.sources.pydicom_dataset import to_dicom_file

        yield to_dicom_file(cast("Dataset", source))
    elif _is_not_binary(source):
        raise UsageError("the file object is closed or opened in text mode", hint="open it with mode 'rb'")
    elif hasattr(source, "read"):
        with _open_file_object(cast("BinaryIO", source)) as dicom:
            yield dicom
    else:
        raise UsageError(
            f"cannot read a data set from a value of type {type(source).__name__}",
            hint="give a path, bytes, a binary file object or a pydicom Dataset",
        )


@contextmanager
def open_header(path: str) -> Generator[DicomFile]:
    """Open a file to identify the instance: of a deflated Data Set, only the first bytes are available."""
    with _open_file(path) as file:
        yield open_head(_make_source(file))


def is_pydicom_dataset(source: object) -> bool:
    """Whether the source is a pydicom Dataset; pydicom is not imported to find out."""
    pydicom = sys.modules.get("pydicom")
    return pydicom is not None and isinstance(source, pydicom.Dataset)


def _is_not_binary(source: object) -> bool:
    return isinstance(source, TextIOBase) or bool(getattr(source, "closed", False))


def _open_path_or_url(
    name: str | os.PathLike[str], registry: RegistryProvider, *, reread: bool
) -> AbstractContextManager[RawIOBase]:
    if isinstance(name, str) and URL_SEPARATOR in name:
        from dcmseal.plugins.storage_urls import is_url
        from dcmseal.sources.remote_objects import open_url, resolve_file_url

        name = resolve_file_url(name)
        if is_url(name):
            return open_url(name, registry, reread=reread)
    return _open_file(name)


def _open_file(path: str | os.PathLike[str]) -> AbstractContextManager[RawIOBase]:
    try:
        file = open_input(path)
    except OSError as error:
        raise DatasetError(
            f"{os.fspath(path)} cannot be read: {error.strerror}", hint="check the path and its permissions"
        ) from None
    return file if file.seekable() else _open_spooled_copy(file)


@contextmanager
def _open_spooled_copy(file: RawIOBase) -> Generator[RawIOBase]:
    with file, _spool(cast("BinaryIO", file)) as spooled:
        yield spooled


@contextmanager
def _open_file_object(file: BinaryIO) -> Generator[DicomFile]:
    if hasattr(file, "readinto") and hasattr(file, "seekable") and file.seekable():
        raw = cast("RawIOBase", file)
        with closing(_make_source(raw)) as read, open_dicom(read) as dicom:
            yield dicom
    else:
        with _spool(file) as spooled, closing(_make_source(spooled)) as read, open_dicom(read) as dicom:
            yield dicom


@contextmanager
def _spool(file: BinaryIO) -> Generator[RawIOBase]:
    """Copy a stream that cannot be read twice to memory, or to disk if it is large."""
    import shutil
    import tempfile

    with tempfile.SpooledTemporaryFile(max_size=_MAX_IN_MEMORY) as copy:
        try:
            shutil.copyfileobj(file, copy)
        except (OSError, EOFError) as error:
            raise read_error(error) from error
        yield cast("RawIOBase", copy)


def _make_source(file: RawIOBase) -> FileSource:
    """Build the source for an open file, with its status before anything is read."""
    status = None
    # the descriptor of other file objects may be that of another file: of the compressed one, for example
    raw: object = getattr(file, "raw", file)
    if isinstance(raw, FileIO):
        with suppress(OSError, ValueError):
            status = os.fstat(raw.fileno())
    return FileSource(file, _size(file), status)


def _size(file: RawIOBase) -> int:
    try:
        return file.seek(0, os.SEEK_END)
    except (OSError, EOFError) as error:
        raise read_error(error) from error
