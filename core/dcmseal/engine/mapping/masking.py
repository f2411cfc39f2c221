"""Which values might tell who the patient is, and are kept back unless they are asked for.

The list is that of the Basic Application Level Confidentiality Profile (PS3.15 Table E.1-1). Files may be newer than
it, so this fails closed: private and unknown elements, free text, dates and times are kept back whether it names them
or not.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Final

import dcmseal
from dcmseal import tags
from dcmseal.dictionary import tag_vr
from dcmseal.tags import parse_hex_tag

_IDENTIFYING_FILE: Final = os.path.join(os.path.dirname(dcmseal.__file__), "data", "identifying.txt")
_SHOWABLE_VRS: Final = frozenset(
    vr.encode() for vr in ("AT", "CS", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV")
)
"""VRs of codes and numbers; a value of another VR may be anything that somebody typed."""
_CODE_TAGS: Final = frozenset({tags.CODE_VALUE, tags.CODING_SCHEME_DESIGNATOR, tags.CODE_MEANING})
"""Text of code tables (PS3.3 8)."""
_STANDARD_UID: Final = b"1.2.840.10008."
"""UIDs that DICOM registers are those of classes and syntaxes; all others may be of instances."""
_BINARY_VRS: Final = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW"})
"""Values of which nothing is shown but their size."""


def is_identifying(tag: int) -> bool:
    """Whether an element of this tag is kept back, and all in it if it is a sequence."""
    if tag >> 16 & 1:
        return True
    singles, repeating = _load_identifying_tags()
    return tag in singles or any(tag & mask == value for mask, value in repeating)


def is_showable(tag: int, vr: bytes, start: bytes) -> bool:
    """Whether a value can tell nobody's identity; ``start`` are its first bytes."""
    if is_identifying(tag) or tag_vr(tag) is None:
        return False
    if vr == b"UI":
        return start.startswith(_STANDARD_UID)
    return vr in _SHOWABLE_VRS or vr in _BINARY_VRS or tag in _CODE_TAGS


@cache
def _load_identifying_tags() -> tuple[frozenset[int], tuple[tuple[int, int], ...]]:
    """Tags, and those of repeating groups by mask and value."""
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
