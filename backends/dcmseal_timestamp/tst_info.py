"""Parses TSTInfo, the signed content of a timestamp, strictly (RFC 3161 2.4.2)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final

from asn1crypto import core, tsp
from asn1crypto import x509 as asn1_x509
from msgspec import Struct

from dcmseal.plugins.asn1 import original_der

MAX_BITS: Final = 1024
"""Maximum size of serial numbers, nonces and other integers."""
_TIME: Final = re.compile(rb"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:\.([0-9]*[1-9]))?Z")
_VERSION: Final = "v1"
DIRECTORY_NAME: Final = "directory_name"


class UnreadableToken(Exception):
    """The data is not a valid token; the message contains no text of the data."""


class TstInfo(Struct, frozen=True, kw_only=True):
    """The content of a timestamp (RFC 3161 2.4.2)."""

    imprint_algorithm: str
    imprint: bytes
    moment: dt.datetime
    accuracy: dt.timedelta | None
    policy: str
    serial_number: int
    nonce: int | None
    tsa: GeneralName | None
    """The name of the authority, if it is stated."""


class GeneralName(Struct, frozen=True):
    """A GeneralName of RFC 5280 4.2.1.6."""

    kind: str
    der: bytes

    @classmethod
    def parse(cls, name: Any) -> GeneralName:
        """Convert a GeneralName of asn1crypto."""
        return cls(kind=str(name.name), der=original_der(name.chosen.untag()))

    def is_same(self, other: GeneralName) -> bool:
        """Whether both names are equal; an empty name equals no other."""
        if self.kind != other.kind or self.der == b"0\0":
            return False
        return self.der == other.der or (self.kind == DIRECTORY_NAME and is_same_name(self.der, other.der))


def is_same_name(one: bytes, other: bytes) -> bool:
    """Whether two distinguished names in DER are the same, by the comparison of RFC 5280 7.1."""
    return one == other or bool(asn1_x509.Name.load(one) == asn1_x509.Name.load(other))


def parse_tst_info(content: bytes) -> TstInfo:
    """Parse TSTInfo.

    Raises:
        UnreadableToken: A field violates RFC 3161.
        Exception: The data is malformed; asn1crypto raises many exceptions.
    """
    info = check_no_extra_fields(tsp.TSTInfo.load(content, strict=True))
    if info["version"].native != _VERSION:
        raise UnreadableToken("the version of its TSTInfo is not 1")
    _check_extensions(info["extensions"])
    imprint = check_no_extra_fields(info["message_imprint"])
    return TstInfo(
        imprint_algorithm=digest_name(imprint["hash_algorithm"]),
        imprint=bytes(imprint["hashed_message"].native),
        moment=_parse_time(info["gen_time"]),
        accuracy=_parse_accuracy(info["accuracy"]),
        policy=str(info["policy"].dotted),
        serial_number=check_natural(info["serial_number"].native),
        nonce=None if info["nonce"].native is None else check_size(info["nonce"].native),
        tsa=None if isinstance(info["tsa"], core.Void) else GeneralName.parse(info["tsa"]),
    )


def check_no_extra_fields(sequence: Any) -> Any:
    """Return the sequence; raises UnreadableToken for additional fields, which asn1crypto ignores."""
    if len(sequence) > len(sequence._fields):
        raise UnreadableToken("it contains fields that RFC 3161 does not define")
    return sequence


def digest_name(algorithm: Any) -> str:
    """Return the name of a digest; raises UnreadableToken if it has parameters."""
    if check_no_extra_fields(algorithm)["parameters"].native is not None:
        raise UnreadableToken("one of its digest algorithms has parameters")
    return str(algorithm["algorithm"].native)


def check_size(number: int) -> int:
    """Return the number; raises UnreadableToken if it is too large."""
    if number.bit_length() > MAX_BITS:
        raise UnreadableToken(f"it contains an integer of more than {MAX_BITS} bits")
    return number


def check_natural(number: int) -> int:
    """Return the number; raises UnreadableToken if it is negative or too large."""
    if number < 0:
        raise UnreadableToken("its serial number is negative")
    return check_size(number)


def _check_extensions(extensions: Any) -> None:
    """Reject repeated and critical extensions; none is defined that a verifier must support."""
    seen: set[str] = set()
    for each in map(check_no_extra_fields, () if isinstance(extensions, core.Void) else extensions):
        identifier = str(each["extn_id"].dotted)
        if identifier in seen:
            raise UnreadableToken("an extension is repeated")
        seen.add(identifier)
        if each["critical"].native:
            raise UnreadableToken("it contains an unknown critical extension")


def _parse_time(time: Any) -> dt.datetime:
    """Parse GeneralizedTime in the only form that RFC 3161 allows."""
    match = _TIME.fullmatch(bytes(time.contents))
    if match is None:
        raise UnreadableToken("the format of its time violates RFC 3161")
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    micros = int((match[7] or b"").ljust(6, b"0")[:6])
    try:
        return dt.datetime(year, month, day, hour, minute, second, micros, tzinfo=dt.UTC)
    except ValueError:
        raise UnreadableToken("its time does not exist") from None


def _parse_accuracy(accuracy: Any) -> dt.timedelta | None:
    if isinstance(accuracy, core.Void):
        return None
    seconds, millis, micros = (check_no_extra_fields(accuracy)[name].native for name in ("seconds", "millis", "micros"))
    if (seconds or 0) < 0 or not all(part is None or 1 <= part <= 999 for part in (millis, micros)):
        raise UnreadableToken("its accuracy is invalid")
    return dt.timedelta(seconds=seconds or 0, milliseconds=millis or 0, microseconds=micros or 0)
