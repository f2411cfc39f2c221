"""Identify the object that a report is about: the file, and the UIDs in its main Data Set."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from dcmseal import tags
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.model.report import Instance

_MAX_UID_SIZE: Final = 66
"""Maximum number of bytes to read for a UID, including padding (PS3.5 6.2)."""
_PATIENT: Final = (0x00100010, 0x00100020)
"""Patient's Name and Patient ID."""
_UID: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def read_instance(file: DicomFile, scan: LevelScanner) -> Instance:
    """Read the identifying values of an object.

    Args:
        file: The file.
        scan: A complete scan of its main Data Set.
    """
    return Instance(
        size=file.file.size,
        sop_class=_read_uid(scan, tags.SOP_CLASS_UID),
        sop_instance=_read_uid(scan, tags.SOP_INSTANCE_UID),
        study=_read_uid(scan, tags.STUDY_INSTANCE_UID),
        series=_read_uid(scan, tags.SERIES_INSTANCE_UID),
        patient=tuple(tag for tag in _PATIENT if _has_value(scan, tag)),
    )


def compute_file_digest(file: DicomFile) -> str:
    """Compute the SHA-256 of the file, in hexadecimal, which reads the file once more."""
    digest = sha256()
    for piece in file.file.chunks(0, file.file.size):
        digest.update(piece)
    return digest.hexdigest()


def sop_class_name(uid: str) -> str:
    """Return the name of a SOP Class (PS3.6 Table A-1); empty if it is private or unknown."""
    from pydicom.uid import UID

    if not _UID.fullmatch(uid):
        return ""
    known = UID(uid, validation_mode=0)  # do not warn about invalid UIDs in files
    return known.name if known.type == "SOP Class" else ""


def _has_value(scan: LevelScanner, tag: int) -> bool:
    index = scan.index(tag)
    if index is None or index in scan.kinds:
        return False
    start, end = scan.value_range(index)
    return end > start


def _read_uid(scan: LevelScanner, tag: int) -> str:
    index = scan.index(tag)
    if index is None or index in scan.kinds:
        return ""
    start, end = scan.value_range(index)
    if end - start > _MAX_UID_SIZE:
        return ""
    text = scan.source.read(start, end).rstrip(b" \0").decode("ascii", "replace")
    return text if _UID.fullmatch(text) else ""
