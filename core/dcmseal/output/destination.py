"""Where a changed Data Set goes: a path or URL, a binary stream, the pydicom Dataset itself, or back to the caller."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.source import JoinedSource
from dcmseal.errors import OutputError, UsageError
from dcmseal.output.atomic_file import OutputFile, check_single_link
from dcmseal.output.dataset_output import source_permissions, to_file_bytes, write_chunks, write_file, write_stream
from dcmseal.output.file_descriptors import find_descriptor
from dcmseal.sources.dataset_input import DatasetInput, is_pydicom_dataset
from dcmseal.urls import URL_SEPARATOR

if TYPE_CHECKING:
    from pydicom import Dataset

    from dcmseal.plugins.registry import Registry

OutputTarget: TypeAlias = "str | os.PathLike[str] | BinaryIO"


def resolve_target(
    source: DatasetInput,
    output: OutputTarget | None,
    registry: Registry | None = None,
    *,
    in_place: bool,
    overwrite: bool = False,
) -> OutputTarget | None:
    """Where the result is written; None if nowhere. In place, ``output`` may be an OutputFile of the source.

    Raises:
        UsageError: The arguments contradict each other, or something exists at ``output`` and may not be replaced.
        OutputError: A file cannot be changed in place because it has several names; this is found before a key signs.
    """
    if not in_place:
        return protect_existing(output, registry, overwrite=overwrite)
    if isinstance(output, OutputFile) and isinstance(source, (str, os.PathLike)):
        _check_names(output)
        return output
    if output is not None:
        raise UsageError("the result goes in place or to an output, not both")
    if isinstance(source, (str, os.PathLike)):
        _check_names(source)
        return source
    if is_pydicom_dataset(source):
        return None
    raise UsageError("only a file named by its path or URL can be changed in place", hint="name an output")


def protect_existing(
    target: OutputTarget | None, registry: Registry | None = None, *, overwrite: bool
) -> OutputTarget | None:
    """The target, which must be new unless ``overwrite``; an OutputFile says itself whether it may be replaced.

    Raises:
        UsageError: A file or object exists there.
    """
    if overwrite or isinstance(target, OutputFile) or not isinstance(target, (str, os.PathLike)):
        return target
    path = os.fspath(target)
    if URL_SEPARATOR in path:
        from dcmseal.plugins.storage_urls import is_url
        from dcmseal.sources.remote_objects import find_object, resolve_file_url

        path = resolve_file_url(path)
        if is_url(path):
            if find_object(path, registry) is not None:
                raise output_exists_error(path)
            return target
    if find_descriptor(path) is not None or (os.path.exists(path) and not os.path.isfile(path)):
        return target  # a stream, pipe or device is written to, not replaced
    if os.path.exists(path):
        raise output_exists_error(path)
    return OutputFile(path, is_new=True)


def output_exists_error(target: str) -> UsageError:
    """The error of a result that would replace what exists."""
    return UsageError(
        f"{target} exists",
        hint="choose another output, or overwrite=True",
        code="output-exists",
        facts={"path": target},
    )


def _check_names(path: str | os.PathLike[str]) -> None:
    """Refuse to edit a file that has several names, if it is there; raises OutputError."""
    with suppress(OSError, ValueError):
        check_single_link(os.fspath(path), os.stat(path))


def write_result(
    source: DatasetInput,
    file: DicomFile,
    body: JoinedSource,
    target: OutputTarget | None,
    changed: Iterable[int],
    registry: Registry | None = None,
) -> bytes | None:
    """Write the edited Data Set; of a pydicom Dataset the elements with tags ``changed`` are replaced.

    Returns the bytes of the file if there is no target. Raises OutputError.
    """
    if is_pydicom_dataset(source):
        from dcmseal.sources.pydicom_dataset import replace_elements

        replace_elements(cast("Dataset", source), file, body, changed)
    elif target is None:
        return to_file_bytes(file, body)
    elif isinstance(target, (str, os.PathLike)):
        write_file(file, body, target, registry=registry)
    else:
        write_stream(file, body, target)
    return None


def write_extra(data: bytes | None, target: OutputTarget | None, file: DicomFile) -> None:
    """Write what goes with a Data Set, if there is anything; raises OutputError."""
    if data is None or target is None:
        return
    if isinstance(target, (str, os.PathLike)):
        write_chunks((data,), target, source_permissions(file))
        return
    try:
        target.write(data)
        target.flush()
    except OSError as error:
        raise OutputError(f"the manifest cannot be written: {error.strerror or error}") from None
