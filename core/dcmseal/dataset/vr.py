"""Value Representations: size of the length field, padding and byte order (PS3.5 section 6.2 and 7.1.2)."""

from __future__ import annotations

from typing import Final

LONG_VRS: Final = frozenset(
    vr.encode() for vr in ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
)
"""VRs with two reserved bytes and a 32-bit length field (PS3.5 Table 7.1-1)."""

SHORT_VRS: Final = frozenset(
    vr.encode()
    for vr in (
        *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FL", "FD", "IS", "LO"),
        *("LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"),
    )
)
"""VRs with a 16-bit length field (PS3.5 Table 7.1-2)."""

TEXT_VRS: Final = frozenset(
    vr.encode()
    for vr in (
        *("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN"),
        *("SH", "ST", "TM", "UC", "UI", "UR", "UT"),
    )
)
"""VRs whose values are text, padded to even length (PS3.5 6.2)."""

WORD_SIZE: Final = {
    **dict.fromkeys((b"US", b"SS", b"OW", b"AT"), 2),
    **dict.fromkeys((b"UL", b"SL", b"FL", b"OL", b"OF"), 4),
    **dict.fromkeys((b"FD", b"OD", b"OV", b"SV", b"UV"), 8),
}
"""Size in bytes of the words in a value, whose byte order depends on the encoding (PS3.5 7.3); others have one byte."""

VALUE_SIZE: Final = {
    **dict.fromkeys((b"US", b"SS"), 2),
    **dict.fromkeys((b"AT", b"UL", b"SL", b"FL"), 4),
    **dict.fromkeys((b"FD", b"SV", b"UV"), 8),
}
"""Size in bytes of one value, if the VR fixes it (PS3.5 Table 6.2-1)."""

LATEST_VRS: Final = frozenset({b"OV", b"SV", b"UV"})
"""VRs added to PS3.5 in 2019: older readers interpret the reserved bytes of their header as the length."""


def is_unknown_vr(vr: bytes) -> bool:
    """Whether the VR is UN, or is not defined in PS3.5."""
    return vr == b"UN" or (vr not in SHORT_VRS and vr not in LONG_VRS)


def padding_byte(vr: bytes) -> bytes:
    """Return the byte that pads a value: NULL for UI and binary values, a space for other text (PS3.5 6.2)."""
    return b" " if vr in TEXT_VRS and vr != b"UI" else b"\0"


PADDING_BYTES: Final = b" \0"
"""Bytes that pad text."""
EXCESS_PADDING: Final = (b"\0", b"  ", b"\0 ")
"""Endings of text of even length, other than UI, with more than minimal padding."""


def is_minimally_padded(buffer: bytes, start: int, end: int, *, is_ui: bool) -> bool:
    """Whether ``minimize_padding`` would leave a text value as it is, without copying it.

    Args:
        buffer: Contains the value.
        start: Where the value starts.
        end: Where it ends.
        is_ui: Whether its VR is UI.

    Raises:
        IndexError: The buffer ends before the value.
    """
    last = buffer[end - 1]
    if (end - start) & 1 or (
        last in PADDING_BYTES and (last != (0 if is_ui else 32) or buffer[end - 2] in PADDING_BYTES)
    ):
        return False
    return not is_ui or buffer[start:end].split() == [buffer[start:end]]


def minimize_padding(vr: bytes, value: bytes) -> bytes:
    """Reduce the padding of a value to the minimum that makes its length even.

    Trailing spaces and NULLs of text are removed, and all white space of UI. Other values are padded if necessary.
    """
    if vr == b"UI":
        value = value.translate(None, b" \t\r\n\f\v").rstrip(b"\0")
    elif vr in TEXT_VRS:
        value = value.rstrip(b" \0")
    return value + padding_byte(vr) if len(value) & 1 else value
