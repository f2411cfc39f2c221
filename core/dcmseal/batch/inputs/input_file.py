"""Input files, as they were when they were found.

>>> InputFile(source="study/image.dcm", relative="image.dcm").must_be_dicom
True
"""

from __future__ import annotations

import os
import re
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct

from dcmseal.errors import SealError


def make_input_file(path: str, relative: str, status: os.stat_result, *, must_be_dicom: bool) -> InputFile:
    """Build the input for a file with its current status."""
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
"""Prefix of the files that macOS keeps beside others on foreign file systems; they are never DICOM."""


def has_dicom_name(name: str) -> bool:
    """Whether the name of a file, without folders, suggests that it is DICOM."""
    return not name.startswith(_APPLE_DOUBLE) and _DICOM_NAME.fullmatch(name) is not None


class RecordedContent(NamedTuple):
    """The content of a file that a journal by content has recorded."""

    digest: bytes | None = None
    """SHA-256; None without a result so far."""
    uid: str = ""
    """Digital Signature UID of the signature that was made in place."""


class InputFile(NamedTuple):
    """A file to process. It is a tuple because there are millions, which are sent between processes."""

    source: str
    """Path or URL, as it was given."""
    relative: str
    """Path below the folder that was given, for output that mirrors it; components are joined by ``/``."""
    size: int = -1
    """Size in bytes; -1 if it is unknown."""
    mtime_ns: int = 0
    """When its content was changed, in nanoseconds since 1970; 0 if unknown."""
    ctime_ns: int = 0
    """When its content or status was changed, which programs cannot set; 0 if unknown."""
    inode: int = 0
    """Tells a file from another that took its name; of an object, its version. 0 if the storage has none."""
    attempt: int = 0
    """How often it was signed and then replaced; each signature gets a UID of its own."""
    must_be_dicom: bool = True
    """Whether it has to be DICOM: it was given, a DICOMDIR lists it, or its name suggests DICOM. Other files in folders
    are skipped if they are not DICOM."""
    recorded_content: RecordedContent | None = None
    """Its content is hashed and compared with this; None to skip that."""


class UnreadableInput(Struct, frozen=True, kw_only=True):
    """An input that does not exist or cannot be read; if ``error`` is NotDicom, it is skipped."""

    source: str
    error: SealError


BatchInput: TypeAlias = InputFile | UnreadableInput
