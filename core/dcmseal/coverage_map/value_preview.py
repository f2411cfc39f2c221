"""Format the beginning of values for the coverage map, and redact those that may identify the patient."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Callable
from functools import cache
from typing import Final

from dcmseal import tags
from dcmseal.dataset.source import Source
from dcmseal.dataset.transfer_syntax import Encoding
from dcmseal.dataset.vr import TEXT_VRS
from dcmseal.dictionary import tag_vr
from dcmseal.tags import format_tag, parse_hex_tag

_IDENTIFYING_FILE: Final = os.path.join(os.path.dirname(__file__), os.pardir, "data", "identifying.txt")
_SHOWABLE_VRS: Final = frozenset(
    vr.encode() for vr in ("AT", "CS", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV")
)
"""VRs of codes and numbers; values of other VRs may contain free text."""
_CODE_TAGS: Final = frozenset({tags.CODE_VALUE, tags.CODING_SCHEME_DESIGNATOR, tags.CODE_MEANING})
"""Attributes of coded entries (PS3.3 8)."""
_STANDARD_UID: Final = b"1.2.840.10008."
"""Root of the UIDs that DICOM registers; all others may identify an instance."""
_BINARY_VRS: Final = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW"})
"""VRs of values for which only the size is shown."""


def is_identifying(tag: int) -> bool:
    """Whether an element is redacted; for a sequence, everything in it."""
    if tag >> 16 & 1:
        return True
    singles, repeating = _load_identifying_tags()
    return tag in singles or any(tag & mask == value for mask, value in repeating)


def is_showable(tag: int, vr: bytes, start: bytes) -> bool:
    """Whether a value can be shown because it cannot identify the patient.

    Args:
        tag: The tag of the element.
        vr: The VR of the element.
        start: The first bytes of the value.

    Returns:
        False if the value might identify the patient.
    """
    if is_identifying(tag) or tag_vr(tag) is None:
        return False
    if vr == b"UI":
        return start.startswith(_STANDARD_UID)
    return vr in _SHOWABLE_VRS or vr in _BINARY_VRS or tag in _CODE_TAGS


@cache
def _load_identifying_tags() -> tuple[frozenset[int], tuple[tuple[int, int], ...]]:
    """Load the identifying tags, and those of repeating groups as mask and value."""
    singles: set[int] = set()
    repeating: list[tuple[int, int]] = []
    with open(_IDENTIFYING_FILE, encoding="ascii") as file:
        for digits in file.read().splitlines()[1:]:
            tag = parse_hex_tag(digits)
            if tag is not None:
                singles.add(tag)
            else:
                mask = "".join("0" if digit == "x" else "F" for digit in digits)
                repeating.append((int(mask, 16), int(digits.replace("x", "0"), 16)))
    return frozenset(singles), tuple(repeating)


MAX_PREVIEW_LENGTH: Final = 64
"""Maximum number of bytes of a value that are read."""
_FORMATS: Final = {
    **dict(zip((b"US", b"SS", b"UL", b"SL"), "HhIi", strict=True)),
    **dict(zip((b"UV", b"SV", b"FL", b"FD"), "Qqfd", strict=True)),
}
"""Formats of the struct module for VRs of binary numbers (PS3.5 6.2)."""
_MAX_NUMBERS: Final = 6
_WITH_CHARACTER_SET: Final = frozenset(vr.encode() for vr in ("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
"""VRs that use Specific Character Set (0008,0005) (PS3.5 6.1.2.3)."""


def format_preview(source: Source, start: int, end: int, vr: bytes, encoding: Encoding, character_set: str) -> str:
    """Format the beginning of a value.

    Args:
        source: The bytes of the Data Set.
        start: Start of the value.
        end: End of the value.
        vr: The VR of the element.
        encoding: The encoding of the element.
        character_set: Specific Character Set (0008,0005).

    Returns:
        The text; empty if the value is empty.
    """
    size = end - start
    if size <= 0:
        return ""
    data = source.read(start, min(end, start + MAX_PREVIEW_LENGTH))
    if vr in TEXT_VRS:
        text = _decode_text(data, vr, character_set)
        return f"{text}…" if size > MAX_PREVIEW_LENGTH else text
    if vr == b"AT":
        return _format_numbers(data, size, encoding, "HH", lambda pair: format_tag(pair[0] << 16 | pair[1]))
    if vr in _FORMATS:
        return _format_numbers(data, size, encoding, _FORMATS[vr], lambda number: f"{number[0]:.10g}")
    return f"{size:,} bytes"


def _format_numbers(
    data: bytes, size: int, encoding: Encoding, form: str, text: Callable[[tuple[int, ...]], str]
) -> str:
    unit = struct.Struct((">" if encoding.is_big_endian else "<") + form)
    whole = data[: len(data) // unit.size * unit.size][: _MAX_NUMBERS * unit.size]
    shown = "\\".join(text(each) for each in unit.iter_unpack(whole))
    return f"{shown}…" if size > len(whole) else shown


def _decode_text(data: bytes, vr: bytes, character_set: str) -> str:
    plain = data.rstrip(b" \0")
    if vr not in _WITH_CHARACTER_SET or (plain.isascii() and b"\x1b" not in plain):
        return plain.decode("ascii", "replace")
    from pydicom.charset import convert_encodings, decode_bytes

    # the last character may be truncated, and Specific Character Set may be invalid
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            encodings = convert_encodings(character_set.split("\\") if character_set else None)
            return decode_bytes(plain, encodings, set(b"\\^=")).rstrip("\ufffd")
    except (LookupError, ValueError, TypeError):
        return plain.decode("ascii", "replace")
