"""DICOM file-sets: the instances that a DICOMDIR names (PS3.10 8, PS3.3 F).

>>> file_id(["IMAGES", "CT1"]), file_id(["..", "secret"])
('IMAGES/CT1', '')
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Final

from dcmseal.batch.items import Found, Unfound
from dcmseal.engine.levels import main_level
from dcmseal.engine.opening import opened
from dcmseal.engine.reading import Values, sequence_items
from dcmseal.errors import DatasetError, SealError

_DIRECTORY_RECORD_SEQUENCE: Final = 0x00041220
_REFERENCED_FILE_ID: Final = 0x00041500
_MOST_COMPONENTS: Final = 8
"""PS3.10 8.2.1."""
_LARGEST: Final = 256 << 20
"""Bytes of a DICOMDIR."""
_MOST_RECORDS: Final = 1_000_000


def instances_of_fileset(path: str, prefix: str) -> Iterator[Found]:
    """The files that a DICOMDIR names, in its order; Unfound for those that are not there, or lie outside."""
    try:
        named = _files(path)
    except SealError as error:
        yield Unfound(source=path, error=error)
        return
    folder = os.path.dirname(path)
    root = os.path.realpath(folder or ".")
    for each in named:
        yield _instance(path, folder, root, each, prefix)


def file_id(components: Sequence[str]) -> str:
    """The path that a Referenced File ID stands for; empty if it could leave the file-set."""
    if len(components) > _MOST_COMPONENTS:
        return ""
    for name in components:
        if name in ("", ".", "..") or any(each in name for each in "/\\\0"):
            return ""
    return "/".join(components)


def _instance(path: str, folder: str, root: str, named: Sequence[str], prefix: str) -> Found:
    from dcmseal.batch.finding import item_of

    relative = file_id(named)
    shown = "\\".join(named)
    if not relative:
        return Unfound(source=path, error=DatasetError(f"{path} names {shown!r}, which is no File ID (PS3.10 8.2)"))
    source = os.path.join(folder, relative)
    try:
        status = os.stat(source)
    except (OSError, ValueError):
        return Unfound(
            source=source,
            error=DatasetError(f"{source} is named by {path}, and not there", hint="the set is not whole"),
        )
    if os.path.commonpath([root, os.path.realpath(source)]) != root or not stat.S_ISREG(status.st_mode):
        return Unfound(source=source, error=DatasetError(f"{source} is named by {path}, and is no file of its set"))
    return item_of(source, f"{prefix}{relative}", status, must_be_dicom=True)


def _files(path: str) -> list[tuple[str, ...]]:
    """Referenced File IDs (0004,1500) of all records; raises DatasetError unless each record can be read."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise DatasetError("it is no regular file")
        if status.st_size > _LARGEST:
            raise DatasetError("it is larger than any DICOMDIR")
        with opened(path) as file:
            scan = main_level(file).scanner().finish()
            index = scan.index(_DIRECTORY_RECORD_SEQUENCE)
            if index is None:
                raise DatasetError("it has no Directory Record Sequence (PS3.3 F.3.2.2)")
            items = sequence_items(scan, index, _MOST_RECORDS)
            return [named for _, _, item in items if (named := _components(Values(item)[_REFERENCED_FILE_ID]))]
    except (SealError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise DatasetError(
            f"{path} cannot be read as a DICOMDIR: {why}", hint="have it written anew, for the files that are there"
        ) from None


def _components(value: bytes) -> tuple[str, ...]:
    """The components of a Referenced File ID; none for a record that has no file."""
    text = os.fsdecode(value.rstrip(b"\0 "))
    return tuple(each.strip(" ") for each in text.split("\\")) if text else ()
