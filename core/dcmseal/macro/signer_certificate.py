"""Certificate of Signer (0400,0115): one DER X.509 certificate (PS3.15 C.1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.errors import CertificateNotValid, CertificateUnreadable
from dcmseal.plugins.certificate_fields import CertificateFields, parse_certificate_fields
from dcmseal.plugins.der import DerError
from dcmseal.plugins.key_algorithms import KeyAlgorithm, parse_public_key_algorithm
from dcmseal.terms import KeyType
from dcmseal.warning_filter import suppress_warnings

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

_MAX_RSA_BITS = 16384
"""The largest RSA key to accept, because verifying with a larger one takes too long."""
_MAX_BITS_OF_ANY_EXPONENT = 3072
_MAX_EXPONENT_BITS = 64
"""Size in bits of the largest exponent that OpenSSL accepts if the modulus is larger than 3072 bits."""
_HINT: Final = "it must be one X.509 certificate in DER"


class Certificate(Struct, frozen=True, kw_only=True):
    """The certificate of a signer."""

    der: bytes
    """The DER without the padding of the OB value."""
    fields: CertificateFields
    parsed: x509.Certificate
    public_key: CertificatePublicKeyTypes | None
    """None if the library does not support it."""
    algorithm: KeyAlgorithm
    """The algorithm of the key."""
    not_before: datetime
    not_after: datetime

    @property
    def subject(self) -> str:
        """The subject as an RFC 4514 string; empty if it is missing or cannot be parsed."""
        return _format_name(lambda: self.parsed.subject)

    @property
    def issuer(self) -> str:
        """The issuer as an RFC 4514 string; empty if it is missing or cannot be parsed."""
        return _format_name(lambda: self.parsed.issuer)

    @property
    def key_type(self) -> KeyType | None:
        """The type of the key; None if DICOM signatures or the library do not support it."""
        return self.algorithm.key_type

    @property
    def serial_number(self) -> int:
        return self.fields.serial_number

    @property
    def is_self_issued(self) -> bool:
        """Whether issuer and subject are the same (RFC 5280 3.2), as in self-signed test certificates."""
        return self.fields.issuer == self.fields.subject

    @property
    def sha256(self) -> str:
        """The fingerprint: SHA-256 of the DER, in hexadecimal."""
        import hashlib

        return hashlib.sha256(self.der).hexdigest()

    @property
    def key_bits(self) -> int:
        """Size of the key in bits; 0 if it is not known."""
        return int(getattr(self.public_key, "key_size", 0))

    @property
    def public_key_info(self) -> bytes:
        """The public key as SubjectPublicKeyInfo in DER, the same for equal keys."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        if self.public_key is None:
            return self.fields.public_key_info
        # encoded again, because a key can have several encodings
        return self.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return self.parsed.public_bytes(Encoding.PEM)

    def __repr__(self) -> str:
        return f"Certificate({self.subject!r})"

    def __reduce__(self) -> tuple[Callable[[bytes], Certificate], tuple[bytes]]:
        return read_certificate, (self.der,)


def _format_name(name: Callable[[], x509.Name]) -> str:
    # names are decoded on access; malformed ones raise various errors, or cause warnings
    try:
        with suppress_warnings():
            return name().rfc4514_string()
    except (ValueError, TypeError, LookupError):
        return ""


def strip_der_padding(value: bytes) -> bytes:
    """Return the DER at the start of an OB value; the rest is considered padding (PS3.5 6.2).

    Raises:
        CertificateNotValid: The value is not DER, or is truncated.
    """
    if len(value) < 2:
        raise CertificateNotValid("the value is empty", hint=_HINT)
    first = value[1]
    if first < 0x80:
        end = 2 + first
    else:
        count = first & 0x7F
        if not 1 <= count <= 4 or len(value) < 2 + count:
            raise CertificateNotValid("the value is not DER: it has an invalid length", hint=_HINT)
        end = 2 + count + int.from_bytes(value[2 : 2 + count], "big")
    if end > len(value):
        raise CertificateNotValid(f"the DER value is truncated: {end - len(value)} bytes are missing", hint=_HINT)
    return value[:end]


@lru_cache(maxsize=64)
def read_certificate(value: bytes) -> Certificate:
    """Parse the value of Certificate of Signer; cached, because archives have few signers.

    Raises:
        CertificateNotValid: The value is not a certificate.
        CertificateUnreadable: The value may be a certificate, but the library cannot parse it.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509 import InvalidVersion, load_der_x509_certificate

    der = strip_der_padding(value)
    fields = _parse_fields(der)
    stated = _parse_stated_algorithm(fields)
    try:
        with suppress_warnings():
            parsed = load_der_x509_certificate(der)
            key, algorithm = _load_public_key(parsed, stated)
            return Certificate(
                der=der,
                fields=fields,
                parsed=parsed,
                public_key=key,
                algorithm=algorithm,
                not_before=parsed.not_valid_before_utc,
                not_after=parsed.not_valid_after_utc,
            )
    except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm, InvalidVersion) as error:
        why = str(error) if stated.key_type else f"unsupported key: {stated.name}"
        raise CertificateUnreadable(f"the certificate cannot be read: {why}", hint=_HINT) from None


def _parse_fields(der: bytes) -> CertificateFields:
    """Parse the fields; raises CertificateNotValid if this fails, or an extension occurs twice."""
    try:
        fields = parse_certificate_fields(der)
    except DerError as error:
        raise CertificateNotValid(f"the certificate cannot be read: {error}", hint=_HINT) from None
    if fields.repeated_extension:
        raise CertificateNotValid(
            f"the certificate has the extension {fields.repeated_extension} twice (RFC 5280 4.2)",
            hint="ask its authority to issue a new one",
        )
    return fields


def _parse_stated_algorithm(fields: CertificateFields) -> KeyAlgorithm:
    try:
        return parse_public_key_algorithm(fields.public_key_info)
    except DerError:
        return KeyAlgorithm(name="an unknown algorithm")


def _load_public_key(
    parsed: x509.Certificate, stated: KeyAlgorithm
) -> tuple[CertificatePublicKeyTypes | None, KeyAlgorithm]:
    """Load the key and its algorithm, which has no key type if the key is unsupported or invalid."""
    from cryptography.exceptions import UnsupportedAlgorithm

    unusable = KeyAlgorithm(name=f"{stated.name} with unusable numbers")
    try:
        key = parsed.public_key()
    except UnsupportedAlgorithm:
        return None, replace(stated, key_type=None)
    except (ValueError, TypeError, OverflowError):
        return None, unusable
    return key, unusable if _is_key_unusable(key) else stated


def _is_key_unusable(key: CertificatePublicKeyTypes) -> bool:
    """Whether an RSA key proves nothing, or verifying with it takes too long."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    if not isinstance(key, rsa.RSAPublicKey):
        return False
    exponent = key.public_numbers().e
    if exponent < 3 or exponent % 2 == 0:
        # RFC 8017 3.1; anyone can sign for the exponent 1, and older libraries load such keys
        return True
    max_bits = _MAX_EXPONENT_BITS if key.key_size > _MAX_BITS_OF_ANY_EXPONENT else key.key_size
    return key.key_size > _MAX_RSA_BITS or exponent.bit_length() > max_bits
