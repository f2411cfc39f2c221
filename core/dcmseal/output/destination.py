"""Destinations of a changed Data Set: a path or URL, a binary stream, the pydicom Dataset itself, or the caller."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.source import JoinedSource
from dcmseal.errors import OutputError, UsageError
from dcmseal.output.atomic_file import check_single_link
from dcmseal.output.dataset_output import source_permissions, stage_chunks, to_file_bytes, write_file, write_stream
from dcmseal.output.file_descriptors import find_descriptor
from dcmseal.output.output_file import OutputFile
from dcmseal.output.staged_outputs import StagedOutputs
from dcmseal.plugins.registry_provider import RegistryProvider, no_plugins
from dcmseal.sources.dataset_input import DatasetInput, is_pydicom_dataset
from dcmseal.urls import URL_SEPARATOR

if TYPE_CHECKING:
    from pydicom import Dataset

OutputTarget: TypeAlias = "str | os.PathLike[str] | BinaryIO"


def resolve_target(
    source: DatasetInput,
    output: OutputTarget | None,
    registry: RegistryProvider = no_plugins,
    *,
    in_place: bool,
    overwrite: bool = False,
) -> OutputTarget | None:
    """Decide where to write the result.

    Args:
        source: The input.
        output: The output; in place, it may be an OutputFile for the path of the input.
        registry: Returns the plugins for URLs.
        in_place: Whether to change the input itself.
        overwrite: Whether an existing output may be replaced.

    Returns:
        The target; None to return the result or change a pydicom Dataset.

    Raises:
        UsageError: The arguments contradict each other, or the output exists and may not be replaced.
        OutputError: The input cannot be changed in place, because it has several names.
    """
    if not in_place:
        return protect_existing(output, registry, overwrite=overwrite)
    if isinstance(output, OutputFile) and isinstance(source, (str, os.PathLike)):
        _check_names(output)
        return output
    if output is not None:
        raise UsageError("the result can be written in place or to an output, but not both")
    if isinstance(source, (str, os.PathLike)):
        _check_names(source)
        return source
    if is_pydicom_dataset(source):
        return None
    raise UsageError("only a path, a URL or a pydicom Dataset can be changed in place", hint="name an output")


def protect_existing(
    target: OutputTarget | None, registry: RegistryProvider = no_plugins, *, overwrite: bool
) -> OutputTarget | None:
    """Return a target that is not replaced if it exists, unless ``overwrite`` is set; an OutputFile stays as it is.

    Args:
        target: The path, URL or stream to write to.
        registry: Returns the plugins for URLs.
        overwrite: Whether an existing file or object may be replaced.

    Raises:
        UsageError: A file or object exists.
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
    """Build the error for an output that exists."""
    return UsageError(
        f"{target} exists",
        hint="choose another output, or overwrite=True",
        code="output-exists",
        facts={"path": target},
    )


def _check_names(path: str | os.PathLike[str]) -> None:
    """Check that a file does not have several names, if it exists; raises OutputError."""
    with suppress(OSError, ValueError):
        check_single_link(os.fspath(path), os.stat(path))


def write_result(
    source: DatasetInput,
    file: DicomFile,
    body: JoinedSource,
    target: OutputTarget | None,
    changed: Iterable[int],
    registry: RegistryProvider = no_plugins,
) -> bytes | None:
    """Write an edited Data Set.

    Args:
        source: The input.
        file: The file that was read from it.
        body: The edited Data Set.
        target: Where to write it; None for a pydicom Dataset, or to return it.
        changed: Tags of the elements to replace in a pydicom Dataset.
        registry: Returns the plugins for URLs.

    Returns:
        The bytes of the file; None if it was written to a target, or to a pydicom Dataset.

    Raises:
        OutputError: The file cannot be written.
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


def stage_manifest(outputs: StagedOutputs, manifest: bytes, target: OutputTarget, file: DicomFile) -> None:
    """Write a manifest, which appears when the outputs are committed.

    Args:
        outputs: The outputs to add it to.
        manifest: The manifest.
        target: The path or stream to write to.
        file: The Data Set; who cannot read it cannot read the manifest either.

    Raises:
        OutputError: The manifest cannot be written.
    """
    if isinstance(target, (str, os.PathLike)):
        stage_chunks(outputs, (manifest,), target, source_permissions(file))
    else:
        outputs.add_action(lambda: _write_manifest(manifest, target))


def _write_manifest(manifest: bytes, stream: BinaryIO) -> None:
    try:
        stream.write(manifest)
        stream.flush()
    except OSError as error:
        raise OutputError(f"the manifest cannot be written: {error.strerror or error}") from None
