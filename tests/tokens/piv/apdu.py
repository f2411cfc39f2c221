"""Commands and data objects of smart cards: APDUs (ISO/IEC 7816-4 section 5) and BER-TLV (section 5.2.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

_CHAINED: Final = 0x10
_MAX_SHORT: Final = 256
_MAX_EXTENDED: Final = 65536


class StatusWord(IntEnum):
    """Status words SW1-SW2 of the answers."""

    DONE = 0x9000
    MORE = 0x6100
    """The low byte says how much more GET RESPONSE will bring; 0 is 256 or more."""
    WRONG_PIN = 0x63C0
    """The low digit says how many tries are left."""
    NOT_AUTHORISED = 0x6982
    LOCKED = 0x6983
    WRONG_DATA = 0x6A80
    NOT_FOUND = 0x6A82
    NO_SUCH_KEY = 0x6A88
    UNKNOWN_INSTRUCTION = 0x6D00


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandApdu:
    """A command APDU."""

    chained: bool
    """More data follows in another command."""
    instruction: int
    p1: int
    p2: int
    data: bytes
    expected: int
    """The most octets the answer may have."""

    @classmethod
    def parse(cls, apdu: bytes) -> CommandApdu:
        """Read an APDU of short or extended length."""
        data, expected = _short(apdu[4:]) if len(apdu) < 7 or apdu[4] else _extended(apdu[5:])
        chained = bool(apdu[0] & _CHAINED)
        return cls(chained=chained, instruction=apdu[1], p1=apdu[2], p2=apdu[3], data=data, expected=expected)


def _short(body: bytes) -> tuple[bytes, int]:
    if len(body) <= 1:
        return b"", (body[0] if body else 0) or _MAX_SHORT
    end = 1 + body[0]
    return body[1:end], (body[end] if len(body) > end else 0) or _MAX_SHORT


def _extended(body: bytes) -> tuple[bytes, int]:
    if len(body) == 2:
        return b"", int.from_bytes(body) or _MAX_EXTENDED
    end = 2 + int.from_bytes(body[:2])
    return body[2:end], int.from_bytes(body[end : end + 2]) or _MAX_EXTENDED


def tlv(tag: int, value: bytes) -> bytes:
    """A data object: tag, length in as few octets as it takes, value."""
    length = len(value)
    octets = bytes([length]) if length < 0x80 else _long_form(length)
    return tag.to_bytes((tag.bit_length() + 7) // 8) + octets + value


def _long_form(length: int) -> bytes:
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([0x80 | len(octets)]) + octets


def objects(data: bytes) -> dict[int, bytes]:
    """The data objects that follow one another, by tag."""
    return dict(_objects(iter(data)))


def _objects(octets: Iterator[int]) -> Iterator[tuple[int, bytes]]:
    for first in octets:
        tag = first << 8 | next(octets) if first & 0x1F == 0x1F else first
        length = next(octets)
        if length & 0x80:
            length = int.from_bytes(bytes(next(octets) for _ in range(length & 0x7F)))
        yield tag, bytes(next(octets) for _ in range(length))
