"""Certificate of Signer (0400,0115): one DER X.509 certificate (PS3.15 C.1)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dcmseal.errors import CertificateNotValid
from dcmseal.terms import KeyType

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

_MAX_RSA_BITS = 16384
"""Larger moduli take too long to be anything but an attack."""
_HINT: Final = "it must be one X.509 certificate in DER"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Certificate:
    """The signer's certificate, read."""

    der: bytes
    """Without the padding it has as OB value."""
    parsed: x509.Certificate
    public_key: CertificatePublicKeyTypes
    key_type: KeyType | None
    """None for a kind of key that DICOM signatures do not use."""
    not_before: datetime
    not_after: datetime

    @property
    def subject(self) -> str:
        """The subject as RFC 4514 string; empty if it has none or it cannot be read."""
        return _name_text(lambda: self.parsed.subject)

    @property
    def issuer(self) -> str:
        """The issuer as RFC 4514 string; empty if it has none or it cannot be read."""
        return _name_text(lambda: self.parsed.issuer)

    @property
    def serial_number(self) -> int:
        return self.parsed.serial_number

    @property
    def sha256(self) -> str:
        """Fingerprint: the SHA-256 of the DER, in hexadecimal."""
        import hashlib

        return hashlib.sha256(self.der).hexdigest()

    @property
    def key_bits(self) -> int:
        """Size of the key in bits; 0 if its kind has none."""
        return int(getattr(self.public_key, "key_size", 0))

    @property
    def public_key_info(self) -> bytes:
        """The public key as SubjectPublicKeyInfo, in DER: equal for equal keys."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return self.parsed.public_bytes(Encoding.PEM)

    def __repr__(self) -> str:
        return f"Certificate({self.subject!r})"


def _name_text(name: Callable[[], x509.Name]) -> str:
    # names are decoded when they are asked for, and hostile ones fail in many ways, or only warn
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return name().rfc4514_string()
    except (ValueError, TypeError, LookupError):
        return ""


def der_of(value: bytes) -> bytes:
    """The DER value at the start of an OB value; what follows is taken for padding (PS3.5 6.2).

    Raises CertificateNotValid if the value is no DER, or is cut short.
    """
    if len(value) < 2:
        raise CertificateNotValid("the value is empty", hint=_HINT)
    first = value[1]
    if first < 0x80:
        end = 2 + first
    else:
        count = first & 0x7F
        if not 1 <= count <= 4 or len(value) < 2 + count:
            raise CertificateNotValid("the value is no DER: its length cannot be read", hint=_HINT)
        end = 2 + count + int.from_bytes(value[2 : 2 + count], "big")
    if end > len(value):
        raise CertificateNotValid(f"the DER value is cut short: {end - len(value)} bytes are missing", hint=_HINT)
    return value[:end]


@lru_cache(maxsize=64)
def read_certificate(value: bytes) -> Certificate:
    """Read the certificate from the value of Certificate of Signer.

    Raises CertificateNotValid if it cannot be read. Certificates are remembered: archives have few signers.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509 import InvalidVersion, load_der_x509_certificate

    der = der_of(value)
    try:
        parsed = load_der_x509_certificate(der)
        key = parsed.public_key()
        return Certificate(
            der=der,
            parsed=parsed,
            public_key=key,
            key_type=_key_type(key),
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
        )
    except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm, InvalidVersion) as error:
        raise CertificateNotValid(f"the certificate cannot be read: {error}", hint=_HINT) from None


def _key_type(key: CertificatePublicKeyTypes) -> KeyType | None:
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

    if isinstance(key, rsa.RSAPublicKey):
        return KeyType.RSA if key.key_size <= _MAX_RSA_BITS else None
    if isinstance(key, ec.EllipticCurvePublicKey):
        return KeyType.EC
    return KeyType.DSA if isinstance(key, dsa.DSAPublicKey) else None
