"""Which object a report is about: the file, and the UIDs by which its main Data Set calls itself."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from dcmseal import tags
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.model.report import Instance

_MAX_UID_SIZE: Final = 66
"""Bytes of a UID, with padding to spare (PS3.5 6.2)."""
_PATIENT: Final = (0x00100010, 0x00100020)
"""Patient's Name and Patient ID."""
_UID: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def read_instance(file: DicomFile, scan: LevelScanner) -> Instance:
    """What a file and its main Data Set, which was scanned, say about themselves."""
    return Instance(
        size=file.file.size,
        sop_class=_read_uid(scan, tags.SOP_CLASS_UID),
        sop_instance=_read_uid(scan, tags.SOP_INSTANCE_UID),
        study=_read_uid(scan, tags.STUDY_INSTANCE_UID),
        series=_read_uid(scan, tags.SERIES_INSTANCE_UID),
        patient=tuple(tag for tag in _PATIENT if _has_value(scan, tag)),
    )


def compute_file_digest(file: DicomFile) -> str:
    """SHA-256 of the file in hexadecimal: all of it is read once more."""
    digest = sha256()
    for piece in file.file.chunks(0, file.file.size):
        digest.update(piece)
    return digest.hexdigest()


def sop_class_name(uid: str) -> str:
    """The name of a SOP Class (PS3.6 Table A-1); empty if it is private or unknown."""
    from pydicom.uid import UID

    if not _UID.fullmatch(uid):
        return ""
    known = UID(uid, validation_mode=0)  # nothing is said on standard error about what files hold
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
