"""The beginning of a value as text: enough to know what is meant, never the whole of something large."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable
from typing import Final

from dcmseal.dataset.source import Source
from dcmseal.dataset.syntax import Encoding
from dcmseal.dataset.vr import TEXT_VRS
from dcmseal.tags import format_tag

MAX_PREVIEW_LENGTH: Final = 64
"""Bytes of a value that are read, and characters that are shown."""
_FORMATS: Final = {
    **dict(zip((b"US", b"SS", b"UL", b"SL"), "HhIi", strict=True)),
    **dict(zip((b"UV", b"SV", b"FL", b"FD"), "Qqfd", strict=True)),
}
"""How numbers of a VR are written (PS3.5 6.2), in the terms of struct."""
_MAX_NUMBERS: Final = 6
_WITH_CHARACTER_SET: Final = frozenset(vr.encode() for vr in ("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
"""VRs that Specific Character Set (0008,0005) is about (PS3.5 6.1.2.3)."""


def format_preview(source: Source, start: int, end: int, vr: bytes, encoding: Encoding, character_set: str) -> str:
    """The value from ``start`` to ``end`` in short; empty if there is none."""
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

    # the last character may be cut in two, and what the file says of its characters may be nonsense
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            encodings = convert_encodings(character_set.split("\\") if character_set else None)
            return decode_bytes(plain, encodings, set(b"\\^=")).rstrip("\ufffd")
    except (LookupError, ValueError, TypeError):
        return plain.decode("ascii", "replace")
