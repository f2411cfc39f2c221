"""Items: the files that a run goes through, as they were when they were found.

>>> InputFile(source="study/image.dcm", relative="image.dcm").must_be_dicom
True
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from dcmseal.errors import SealError


def make_input_file(path: str, relative: str, status: os.stat_result, *, must_be_dicom: bool) -> InputFile:
    """A file as it is now."""
    return InputFile(
        source=path,
        relative=relative,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        inode=status.st_ino,
        must_be_dicom=must_be_dicom,
    )


_DICOM_NAME: Final = re.compile(
    # the usual suffixes, that of Siemens (IMA), and those of old systems
    r".*\.(?:dcm|dicom|dic|dc3|ima)"
    # a UID (PS3.5 9.1), as archives name their files, behind a modality or not
    r"|(?:[a-z]{2,16}\.?)?[012](?:\.(?:0|[1-9][0-9]*)){4,}",
    re.IGNORECASE | re.DOTALL,
)
_APPLE_DOUBLE: Final = "._"
"""How macOS names what it keeps beside a file on other file systems: no DICOM, whatever the rest of the name is."""


def has_dicom_name(name: str) -> bool:
    """Whether a file of this name, without folders, says that it is DICOM."""
    return not name.startswith(_APPLE_DOUBLE) and _DICOM_NAME.fullmatch(name) is not None


class RecordedContent(NamedTuple):
    """What a journal that goes by content has recorded of a file."""

    digest: bytes | None = None
    """SHA-256; None without a result so far."""
    uid: str = ""
    """Of the signature that was made in it, in place."""


class InputFile(NamedTuple):
    """A file to be worked on. A tuple, for there are millions of them, and they go from process to process."""

    source: str
    """Path or URL, as it was named."""
    relative: str
    """Path below the folder that was named, for output that mirrors it; components are joined by ``/``."""
    size: int = -1
    """Bytes; -1 if that is not known."""
    mtime_ns: int = 0
    """When its content was changed, in nanoseconds since 1970; 0 if that is not known."""
    ctime_ns: int = 0
    """When anything of it was changed: unlike the other, no program can set it back. 0 if that is not known."""
    inode: int = 0
    """Tells a file from another that took its name; of an object, its version. 0 if the storage has none."""
    attempt: int = 0
    """How often it was signed before, and then replaced; each signature gets a UID of its own."""
    must_be_dicom: bool = True
    """It has to be DICOM: it was named, itself or by a DICOMDIR, or its name claims to be DICOM. What else is found in
    folders, and is none, is passed over."""
    recorded_content: RecordedContent | None = None
    """Its content is to be hashed, and held against this; None if nobody asks for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableInput:
    """What was named or found and is not there, or cannot be read; if ``error`` is NotDicom, it is passed over."""

    source: str
    error: SealError


BatchInput: TypeAlias = InputFile | UnreadableInput
