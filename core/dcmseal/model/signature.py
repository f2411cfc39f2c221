"""The values of the Digital Signatures Macro (PS3.3 Table C.12-6), as read from the two sequences."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import lru_cache

from dcmseal.location import MAIN, Location
from dcmseal.terms import MacAlgorithm


@dataclass(frozen=True, slots=True, kw_only=True)
class MacParameters:
    """One item of MAC Parameters Sequence (4FFE,0001); text as it stands, less padding."""

    mac_id: int | None
    transfer_syntax: str
    algorithm: str
    elements: tuple[int, ...]
    """Data Elements Signed (0400,0020) as listed."""

    @property
    def mac_algorithm(self) -> MacAlgorithm | None:
        """The Defined Term, or None if it is not one of PS3.15 C.1."""
        return MacAlgorithm.__members__.get(self.algorithm)

    def __repr__(self) -> str:
        return f"MacParameters(mac_id={self.mac_id}, algorithm={self.algorithm!r}, {len(self.elements)} elements)"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurposeCode:
    """The item of Digital Signature Purpose Code Sequence (0400,0401)."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedTime:
    """A moment that a timestamp authority certified (RFC 3161), and with what certificate; nobody vouches for that."""

    moment: dt.datetime
    """When the signature existed at the latest."""
    accuracy: dt.timedelta | None
    """How far the moment may be off; None if the authority does not say."""
    policy: str
    """Object identifier of the policy under which it was certified."""
    serial_number: int
    """Of the timestamp, unique for its authority."""
    authority: bytes = field(repr=False)
    """DER certificate of the authority."""
    others: tuple[bytes, ...] = field(default=(), repr=False)
    """DER certificates that came with it: they may lead to a trust anchor, and are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalSignature:
    """One item of Digital Signatures Sequence (FFFA,FFFA) and the MAC Parameters item it points to."""

    location: Location = MAIN
    index: int = 0
    """Position in its sequence, from 0."""
    mac_id: int | None
    uid: str
    datetime: str
    """Digital Signature DateTime (0400,0105), a DT value."""
    certificate_type: str
    certificate: bytes = field(repr=False)
    """Certificate of Signer (0400,0115) as stored, padding included."""
    value: bytes = field(repr=False)
    """Signature (0400,0120) as stored, padding included."""
    timestamp_type: str = ""
    timestamp: bytes = field(default=b"", repr=False)
    purpose: PurposeCode | None = None
    mac: MacParameters | None = None

    @property
    def moment(self) -> dt.datetime | None:
        """The claimed signing time with its offset from UTC, or None if it is no complete DT value with offset."""
        return parse_dt_value(self.datetime)


@lru_cache(maxsize=16)  # the time of one signature is asked for again and again
def parse_dt_value(text: str) -> dt.datetime | None:
    """Read a DT value ``YYYYMMDDHHMMSS.FFFFFF&ZZXX`` with offset (PS3.5 6.2); None if it is not one."""
    body, sign, zone = text[:-5], text[-5:-4], text[-4:]
    stem, dot, fraction = body.partition(".")
    digits = stem + fraction + zone
    if sign not in ("+", "-") or not (digits.isascii() and digits.isdigit()) or len(stem) != 14:
        return None
    if dot and not 1 <= len(fraction) <= 6:
        return None
    try:
        offset = dt.timedelta(hours=int(zone[:2]), minutes=int(zone[2:]))
        return dt.datetime(
            *(int(stem[:4]), int(stem[4:6]), int(stem[6:8])),
            *(int(stem[8:10]), int(stem[10:12]), int(stem[12:])),
            microsecond=int(fraction.ljust(6, "0")) if dot else 0,
            tzinfo=dt.timezone(-offset if sign == "-" else offset) if offset else dt.UTC,
        )
    except ValueError:
        return None


def to_dt_value(moment: dt.datetime) -> str:
    """Write a moment as DT value in UTC with offset, microseconds included."""
    return moment.astimezone(dt.UTC).strftime("%Y%m%d%H%M%S.%f+0000")
