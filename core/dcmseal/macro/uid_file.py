"""DICOM files that contain only a Digital Signature UID, by which dcmsign of DCMTK identifies signatures.

>>> read_uid_file(build_uid_file("2.25.4711"))
'2.25.4711'
"""

# Kept apart: DICOM encoding, which the command line must not contain.

from __future__ import annotations

from typing import Final

from dcmseal import tags
from dcmseal.dataset.element_writer import encode_element
from dcmseal.dataset.transfer_syntax import EXPLICIT_LITTLE_UID, Encoding
from dcmseal.errors import DatasetError
from dcmseal.macro.levels import main_level
from dcmseal.sources.dataset_input import DatasetInput, open_source

_MAX_BYTES: Final = 64


def build_uid_file(uid: str) -> bytes:
    """Build such a file, with minimal File Meta Information (PS3.10 7.1)."""
    encoding = Encoding.EXPLICIT_LITTLE
    syntax = encode_element(0x00020010, b"UI", EXPLICIT_LITTLE_UID.encode(), encoding)
    length = encode_element(0x00020000, b"UL", encoding.u32.pack(len(syntax)), encoding)
    return (
        bytes(128)
        + b"DICM"
        + length
        + syntax
        + encode_element(tags.DIGITAL_SIGNATURE_UID, b"UI", uid.encode(), encoding)
    )


def read_uid_file(source: DatasetInput) -> str:
    """Read the UID from such a file; raises DatasetError if it has none."""
    with open_source(source) as file:
        scan = main_level(file).scanner().finish()
        index = scan.index(tags.DIGITAL_SIGNATURE_UID)
        if index is not None:
            start, end = scan.value_range(index)
            if start < end <= start + _MAX_BYTES:
                return scan.source.read(start, end).decode("ascii", "replace").strip(" \0")
    raise DatasetError("the file has no Digital Signature UID (0400,0100)", hint="give a file written by dcmsign")
