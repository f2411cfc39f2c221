"""DICOM file-sets: the instances that a DICOMDIR lists (PS3.10 8, PS3.3 F).

>>> file_id_to_path(["IMAGES", "CT1"]), file_id_to_path(["..", "secret"])
('IMAGES/CT1', '')
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Final

from dcmseal.batch.inputs.input_file import BatchInput, UnreadableInput
from dcmseal.errors import DatasetError, SealError
from dcmseal.macro.levels import main_level
from dcmseal.macro.read import ItemValues, iter_items
from dcmseal.sources.dataset_input import open_source

_DIRECTORY_RECORD_SEQUENCE: Final = 0x00041220
_REFERENCED_FILE_ID: Final = 0x00041500
_MAX_COMPONENTS: Final = 8
"""PS3.10 8.2.1."""
_MAX_DICOMDIR_BYTES: Final = 256 << 20
"""Bytes of a DICOMDIR."""
_MAX_RECORDS: Final = 1_000_000


def iter_fileset(path: str, prefix: str) -> Iterator[BatchInput]:
    """Iterate over the files that a DICOMDIR lists, in order; missing ones and those outside are UnreadableInput."""
    try:
        named = _read_file_ids(path)
    except SealError as error:
        yield UnreadableInput(source=path, error=error)
        return
    folder = os.path.dirname(path)
    root = os.path.realpath(folder or ".")
    for each in named:
        yield _resolve_file_id(path, folder, root, each, prefix)


def file_id_to_path(components: Sequence[str]) -> str:
    """Convert a Referenced File ID to a path below the DICOMDIR; empty if it could leave the file-set."""
    if len(components) > _MAX_COMPONENTS:
        return ""
    for name in components:
        if name in ("", ".", "..") or any(each in name for each in "/\\\0"):
            return ""
    return "/".join(components)


def _resolve_file_id(path: str, folder: str, root: str, named: Sequence[str], prefix: str) -> BatchInput:
    from dcmseal.batch.inputs.input_file import make_input_file

    relative = file_id_to_path(named)
    shown = "\\".join(named)
    if not relative:
        return UnreadableInput(
            source=path, error=DatasetError(f"{path} contains {shown!r}, which is not a valid File ID (PS3.10 8.2)")
        )
    source = os.path.join(folder, relative)
    try:
        status = os.stat(source)
    except (OSError, ValueError):
        return UnreadableInput(
            source=source,
            error=DatasetError(f"{source} is listed in {path} but does not exist", hint="copy the whole file-set"),
        )
    if os.path.commonpath([root, os.path.realpath(source)]) != root or not stat.S_ISREG(status.st_mode):
        return UnreadableInput(
            source=source, error=DatasetError(f"{source} is listed in {path} but is not a file of this file-set")
        )
    return make_input_file(source, f"{prefix}{relative}", status, must_be_dicom=True)


def _read_file_ids(path: str) -> list[tuple[str, ...]]:
    """Read Referenced File ID (0004,1500) of all records; raises DatasetError unless each record can be parsed."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise DatasetError("not a regular file")
        if status.st_size > _MAX_DICOMDIR_BYTES:
            raise DatasetError(f"larger than {_MAX_DICOMDIR_BYTES >> 20} MiB")
        with open_source(path) as file:
            scan = main_level(file).scanner().finish()
            index = scan.index(_DIRECTORY_RECORD_SEQUENCE)
            if index is None:
                raise DatasetError("no Directory Record Sequence (PS3.3 F.3.2.2)")
            items = iter_items(scan, index, _MAX_RECORDS)
            return [named for _, _, item in items if (named := _parse_file_id(ItemValues(item)[_REFERENCED_FILE_ID]))]
    except (SealError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise DatasetError(
            f"{path} cannot be read as a DICOMDIR: {why}", hint="recreate the DICOMDIR, or name the files or folders"
        ) from None


def _parse_file_id(value: bytes) -> tuple[str, ...]:
    """Parse the components of a Referenced File ID; empty for a record without a file."""
    text = os.fsdecode(value.rstrip(b"\0 "))
    return tuple(each.strip(" ") for each in text.split("\\")) if text else ()
