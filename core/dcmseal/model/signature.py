"""The values of the Digital Signatures Macro (PS3.3 Table C.12-6), as stored in the two sequences."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from msgspec import Struct

from dcmseal.location import MAIN, Location
from dcmseal.representation import format_fields
from dcmseal.terms import MacAlgorithm


class MacParameters(Struct, frozen=True, kw_only=True):
    """One item of MAC Parameters Sequence (4FFE,0001); text is unchanged, but without padding."""

    mac_id: int | None
    """MAC ID Number (0400,0005)."""
    transfer_syntax: str
    """MAC Calculation Transfer Syntax UID (0400,0010)."""
    algorithm: str
    """MAC Algorithm (0400,0015)."""
    elements: tuple[int, ...]
    """Data Elements Signed (0400,0020), as listed."""

    @property
    def mac_algorithm(self) -> MacAlgorithm | None:
        """The algorithm; None if it is not one of the Defined Terms (PS3.15 C.1)."""
        return MacAlgorithm.__members__.get(self.algorithm)

    def __repr__(self) -> str:
        return f"MacParameters(mac_id={self.mac_id}, algorithm={self.algorithm!r}, {len(self.elements)} elements)"


class PurposeCode(Struct, frozen=True, kw_only=True):
    """The item of Digital Signature Purpose Code Sequence (0400,0401)."""

    value: str
    scheme: str
    meaning: str


class CertifiedTime(Struct, frozen=True, kw_only=True):
    """A time that a timestamp authority certified (RFC 3161), and its certificate, which may not be trusted."""

    moment: dt.datetime
    """The time at which the signature existed at the latest."""
    accuracy: dt.timedelta | None
    """The maximum deviation of the time; None if the authority does not state it."""
    policy: str
    """Object identifier of the timestamp policy."""
    serial_number: int
    """Serial number of the timestamp, which is unique for its authority."""
    authority: bytes
    """DER certificate of the authority."""
    others: tuple[bytes, ...] = ()
    """Other DER certificates in the timestamp: candidates for the chain to a trust anchor, but not anchors."""

    def __repr__(self) -> str:
        return format_fields(self, hidden=("authority", "others"))


class DigitalSignature(Struct, frozen=True, kw_only=True):
    """One item of Digital Signatures Sequence (FFFA,FFFA) and the MAC Parameters item it points to."""

    location: Location = MAIN
    index: int = 0
    """Index of its item in Digital Signatures Sequence, from 0."""
    mac_id: int | None
    """MAC ID Number (0400,0005)."""
    uid: str
    """Digital Signature UID (0400,0100)."""
    datetime: str
    """Digital Signature DateTime (0400,0105), a DT value."""
    certificate_type: str
    """Certificate Type (0400,0110)."""
    certificate: bytes
    """Certificate of Signer (0400,0115) as stored, including padding."""
    value: bytes
    """Signature (0400,0120) as stored, including padding."""
    timestamp_type: str = ""
    """Certified Timestamp Type (0400,0305); empty if it is missing."""
    timestamp: bytes = b""
    """Certified Timestamp (0400,0310) as stored; empty if it is missing."""
    purpose: PurposeCode | None = None
    mac: MacParameters | None = None
    """The MAC parameters with its MAC ID Number; None if there are none."""

    @property
    def moment(self) -> dt.datetime | None:
        """The claimed signing time with its offset from UTC; None if it is not a complete DT value with offset."""
        return parse_dt_value(self.datetime)

    def __repr__(self) -> str:
        return format_fields(self, hidden=("certificate", "value", "timestamp"))


@lru_cache(maxsize=16)  # many checks read the time of the same signature
def parse_dt_value(text: str) -> dt.datetime | None:
    """Parse a complete DT value ``YYYYMMDDHHMMSS.FFFFFF&ZZXX`` with offset (PS3.5 6.2); None for other text."""
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
    """Format a time as a DT value in UTC with microseconds and offset (PS3.5 6.2)."""
    return moment.astimezone(dt.UTC).strftime("%Y%m%d%H%M%S.%f+0000")
