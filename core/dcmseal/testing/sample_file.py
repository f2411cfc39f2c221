"""A DICOM file (PS3.10) small enough to write by hand, for tests that sign a whole one."""

from __future__ import annotations

import struct
from typing import Final

_EXPLICIT_LITTLE: Final = b"1.2.840.10008.1.2.1\0"
_SECONDARY_CAPTURE: Final = b"1.2.840.10008.5.1.4.1.1.7\0"
_INSTANCE: Final = b"1.2.826.0.1.3680043.10.1.1"
_IMPLEMENTATION: Final = b"1.2.826.0.1.3680043.10.1.9"


def _encode_element(group: int, element: int, vr: bytes, value: bytes) -> bytes:
    # OB has a length of four bytes after two reserved ones, the others of two (PS3.5 7.1.2).
    length = struct.pack("<2xI" if vr == b"OB" else "<H", len(value))
    return struct.pack("<HH", group, element) + vr + length + value


_META: Final = (
    _encode_element(0x0002, 0x0001, b"OB", b"\x00\x01")
    + _encode_element(0x0002, 0x0002, b"UI", _SECONDARY_CAPTURE)
    + _encode_element(0x0002, 0x0003, b"UI", _INSTANCE)
    + _encode_element(0x0002, 0x0010, b"UI", _EXPLICIT_LITTLE)
    + _encode_element(0x0002, 0x0012, b"UI", _IMPLEMENTATION)
)

SAMPLE_FILE: Final = (
    bytes(128)
    + b"DICM"
    + _encode_element(0x0002, 0x0000, b"UL", struct.pack("<I", len(_META)))
    + _META
    + _encode_element(0x0008, 0x0016, b"UI", _SECONDARY_CAPTURE)
    + _encode_element(0x0008, 0x0018, b"UI", _INSTANCE)
    + _encode_element(0x0010, 0x0010, b"PN", b"Doe^Jane")
    + _encode_element(0x0010, 0x0020, b"LO", b"4711")
    + _encode_element(0x7FE0, 0x0010, b"OB", bytes(range(256)))
)
"""A Secondary Capture image of five Data Elements, in explicit VR little endian."""
