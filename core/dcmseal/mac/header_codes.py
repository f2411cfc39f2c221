"""How to encode elements of explicit VR little endian input for the MAC, by their headers."""

# Kept apart: with the inner loop it would be more than 350 lines.

from __future__ import annotations

from functools import partial
from typing import Final

from dcmseal import tags
from dcmseal.dataset.element_checks import ordering_key
from dcmseal.dataset.header import ElementKind, Header, element_kind, read_header
from dcmseal.dataset.header_cache import HeaderCache
from dcmseal.dataset.transfer_syntax import Encoding
from dcmseal.dataset.vr import SHORT_VRS, TEXT_VRS

SEQUENCE: Final = 0
SEQUENCE_RESERVED_USED: Final = -1
"""A sequence whose reserved bytes are not 0."""
LONG: Final = -2
"""A plain element with a header of twelve bytes."""
LONG_PADDED: Final = -3
"""The same, and its padding has to be checked."""
ITEM_END: Final = -4
UNKNOWN: Final = -5
EXCLUDED: Final = -6
RESERVED_USED: Final = -7
"""A plain element whose reserved bytes are not 0."""
INVALID: Final = -8
ODD: Final = -9
"""A value of odd length, although the padding has to be minimal."""
TEXT: Final = -10
"""This and lower codes, down to UID: text; the code is the negated distance in bytes to the next element."""
UID: Final = -(1 << 17)
"""Lower codes: a value of VR UI; the code is UID minus the distance in bytes to the next element."""

RESERVED: Final = b"\0\0"
"""The reserved bytes of a header as the MAC has them, whatever the input contains (PS3.5 7.1.2)."""


def _decode_action(header: bytes, *, check_padding: bool) -> tuple[int, int]:
    """Decode the first eight bytes of a header: how to encode the element, and its ordering key."""
    decoded = read_header(header + bytes(4), 0, Encoding.EXPLICIT_LITTLE) if len(header) == 8 else None
    return _choose_code(header, decoded, padding=check_padding), ordering_key(decoded, Encoding.EXPLICIT_LITTLE)


def _choose_code(header: bytes, decoded: Header | None, *, padding: bool) -> int:
    if decoded is None:
        return INVALID
    tag, vr, _, length = decoded
    if not vr:
        return ITEM_END if tag == tags.ITEM_DELIMITATION_ITEM else INVALID
    kind = element_kind(tag, vr, length)
    if kind is ElementKind.EXCLUDED:
        return EXCLUDED
    if kind is ElementKind.SEQUENCE:
        return SEQUENCE if header[6:] == RESERVED else SEQUENCE_RESERVED_USED
    if kind is ElementKind.UNKNOWN:
        return UNKNOWN
    if vr not in SHORT_VRS:
        if header[6:] != RESERVED:
            return RESERVED_USED
        return LONG_PADDED if padding else LONG
    if padding and length & 1:
        return ODD
    if padding and length and vr in TEXT_VRS:
        return (UID if vr == b"UI" else 0) - 8 - length
    return 8 + length


_MAX_CODES: Final = 1 << 16
CODES: Final = {
    check_padding: HeaderCache(partial(_decode_action, check_padding=check_padding), _MAX_CODES)
    for check_padding in (False, True)
}
"""By whether padding is checked, and by the first eight bytes of a header: a code and an ordering key.

The code is the distance in bytes to the next element, or one of the negative codes above.
"""
