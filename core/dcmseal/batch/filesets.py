"""DICOM file-sets: the instances that a DICOMDIR names (PS3.10 8, PS3.3 F).

>>> file_id(["IMAGES", "CT1"]), file_id(["..", "secret"])
('IMAGES/CT1', '')
"""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from dcmseal.batch.items import Found, Unfound
from dcmseal.errors import DatasetError, SealError

if TYPE_CHECKING:
    from pydicom import Dataset

_MOST_COMPONENTS: Final = 8
"""PS3.10 8.2.1."""
_LARGEST: Final = 256 << 20
"""Bytes of a DICOMDIR: its records are read at once."""


def instances_of_fileset(path: str, prefix: str) -> Iterator[Found]:
    """The files that a DICOMDIR names, in its order; Unfound for those that are not there, or lie outside."""
    try:
        records = _records(path)
    except SealError as error:
        yield Unfound(source=path, error=error)
        return
    folder = os.path.dirname(path)
    root = os.path.realpath(folder or ".")
    for record in records:
        named = _components(record)
        if named:
            yield _instance(path, folder, root, named, prefix)


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
    return item_of(source, f"{prefix}{relative}", status, is_named=True)


def _records(path: str) -> Iterator[Dataset]:
    """The records of a DICOMDIR; raises DatasetError."""
    from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType] - PathLike without its parameter

    try:
        if os.path.getsize(path) > _LARGEST:
            raise DatasetError(f"{path} is larger than any DICOMDIR", hint="name the folder instead")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            records: Any = dcmread(path).get("DirectoryRecordSequence")
            return iter(() if records is None else list(records))
    except SealError:
        raise
    except Exception as error:  # noqa: BLE001 - pydicom raises whatever it comes across
        raise DatasetError(
            f"{path} cannot be read as a DICOMDIR: {type(error).__name__}", hint="name the folder instead"
        ) from None


def _components(record: Dataset) -> tuple[str, ...]:
    """Referenced File ID (0004,1500); none for a record that has no file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value: Any = record.get("ReferencedFileID")
        except Exception:  # noqa: BLE001 - pydicom raises whatever it comes across
            return ("",)
    if not value:
        return ()
    return (str(value),) if isinstance(value, str) else tuple(map(str, value))
