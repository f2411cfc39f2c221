"""Where a changed Data Set goes: a path or URL, a binary stream, the pydicom Dataset itself, or back to the caller."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.source import JoinedSource
from dcmseal.engine.files.replacing import OutputFile, refuse_hard_links
from dcmseal.engine.opening import DatasetInput, is_dataset
from dcmseal.engine.output import file_bytes, rights_of, write_file, write_pieces, write_stream
from dcmseal.errors import OutputError, UsageError

if TYPE_CHECKING:
    from pydicom import Dataset

    from dcmseal.plugins.registry import Registry

Output: TypeAlias = "str | os.PathLike[str] | BinaryIO"


def target_of(source: DatasetInput, output: Output | None, *, in_place: bool) -> Output | None:
    """Where the result is written, None if nowhere; raises UsageError if that contradicts itself.

    In place, an OutputFile of the source may say what is asked besides. A file that cannot be changed in place, as it
    has other names, is OutputError now: before a key signs.
    """
    if not in_place:
        return output
    if isinstance(output, OutputFile) and isinstance(source, (str, os.PathLike)):
        _refuse_several_names(output)
        return output
    if output is not None:
        raise UsageError("the result goes in place or to an output, not both")
    if isinstance(source, (str, os.PathLike)):
        _refuse_several_names(source)
        return source
    if is_dataset(source):
        return None
    raise UsageError("only a file named by its path or URL can be changed in place", hint="name an output")


def _refuse_several_names(path: str | os.PathLike[str]) -> None:
    """Refuse to edit a file that has several names, if it is there; raises OutputError."""
    with suppress(OSError, ValueError):
        refuse_hard_links(os.fspath(path), os.stat(path))


def place(
    source: DatasetInput,
    file: DicomFile,
    body: JoinedSource,
    target: Output | None,
    changed: Iterable[int],
    registry: Registry | None = None,
) -> bytes | None:
    """Write the edited Data Set; of a pydicom Dataset the elements with tags ``changed`` are replaced.

    Returns the bytes of the file if there is no target. Raises OutputError.
    """
    if is_dataset(source):
        from dcmseal.engine.pydicom_dataset import replace_elements

        replace_elements(cast("Dataset", source), file, body, changed)
    elif target is None:
        return file_bytes(file, body)
    elif isinstance(target, (str, os.PathLike)):
        write_file(file, body, target, registry=registry)
    else:
        write_stream(file, body, target)
    return None


def place_data(data: bytes | None, target: Output | None, file: DicomFile) -> None:
    """Write what goes with a Data Set, if there is anything; raises OutputError."""
    if data is None or target is None:
        return
    if isinstance(target, (str, os.PathLike)):
        write_pieces((data,), target, rights_of(file))
        return
    try:
        target.write(data)
        target.flush()
    except OSError as error:
        raise OutputError(f"the manifest cannot be written: {error.strerror or error}") from None
