"""Finds and checks the certificate of the timestamp authority of a token (RFC 3161 2.3)."""

# Kept apart: checks of the certificate, apart from those of the token.

from __future__ import annotations

import hashlib
import hmac
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Final, TypeVar

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from msgspec import Struct

from dcmseal.plugins.asn1 import original_der
from dcmseal_timestamp.timestamp_query import DIGESTS
from dcmseal_timestamp.timestamp_token import CertificateId, TimestampToken
from dcmseal_timestamp.tst_info import GeneralName, is_same_name

_KNOWN_EXTENSIONS: Final = frozenset(
    {
        *(ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE),
        *(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, ExtensionOID.ISSUER_ALTERNATIVE_NAME),
        *(ExtensionOID.SUBJECT_KEY_IDENTIFIER, ExtensionOID.AUTHORITY_KEY_IDENTIFIER),
        *(ExtensionOID.CERTIFICATE_POLICIES, ExtensionOID.CRL_DISTRIBUTION_POINTS, ExtensionOID.FRESHEST_CRL),
    }
)
"""Extensions that may be critical, because they are checked here or by path validation."""
_MIN_BITS: Final = 2048
_MIN_BITS_EC: Final = 224
_SIGNING_USAGES: Final = frozenset({"digital_signature", "non_repudiation"})

_E = TypeVar("_E", bound=x509.ExtensionType)


class CertificateBinding(Enum):
    """How the signed part of a token identifies the certificate of its authority."""

    BOUND = "bound"
    CHAIN_UNKNOWN = "chain unknown"
    """It identifies the certificate, and certificates of its chain that are not available."""
    UNSUPPORTED = "unsupported"
    """It identifies the certificate by an unsupported digest."""
    MISSING = "missing"
    """It identifies no certificate."""
    OTHER = "other"
    """It identifies another certificate."""


class UnreadableCertificate(Exception):
    """A certificate cannot be parsed; the message contains no text of the certificate."""


class AuthorityCertificate(Struct, frozen=True, kw_only=True):
    """The certificate that a token identifies as that of its signer."""

    der: bytes
    parsed: x509.Certificate

    @property
    def key_bits(self) -> int:
        """Size of the key; 0 for types with a fixed size."""
        key = self.parsed.public_key()
        if isinstance(key, (rsa.RSAPublicKey, dsa.DSAPublicKey, ec.EllipticCurvePublicKey)):
            return key.key_size
        return 0

    @property
    def has_weak_key(self) -> bool:
        """Whether the key is too small."""
        min_bits = _MIN_BITS_EC if isinstance(self.parsed.public_key(), ec.EllipticCurvePublicKey) else _MIN_BITS
        return 0 < self.key_bits < min_bits

    @property
    def is_for_timestamps_only(self) -> bool:
        """Whether the extended key usage is timeStamping only (RFC 3161 2.3)."""
        usage = self._extension(x509.ExtendedKeyUsage)
        return usage is not None and list(usage.value) == [ExtendedKeyUsageOID.TIME_STAMPING]

    @property
    def is_marked_critical(self) -> bool:
        """Whether the extended key usage is critical (RFC 3161 2.3)."""
        usage = self._extension(x509.ExtendedKeyUsage)
        return usage is not None and usage.critical

    @property
    def is_ca(self) -> bool:
        """Whether it is a CA certificate (RFC 5280 4.2.1.9)."""
        constraints = self._extension(x509.BasicConstraints)
        return constraints is not None and constraints.value.ca

    @property
    def is_for_signatures_only(self) -> bool:
        """Whether the key usage, if stated, is digitalSignature, nonRepudiation or both, as openssl requires."""
        with _translate_errors():
            usage = asn1_x509.Certificate.load(self.der).key_usage_value
            return usage is None or (bool(usage.native) and usage.native <= _SIGNING_USAGES)

    def check_extensions(self) -> None:
        """Raise UnreadableCertificate if a critical extension is unknown, or an extension is damaged."""
        with _translate_errors():
            unknown = [
                each.oid for each in self.parsed.extensions if each.critical and each.oid not in _KNOWN_EXTENSIONS
            ]
        if unknown:
            raise UnreadableCertificate("it has an unknown critical extension")

    def is_named(self, name: GeneralName) -> bool:
        """Whether a name is its subject or one of its alternative names (RFC 3161 2.4.2, tsa)."""
        with _translate_errors():
            certificate = asn1_x509.Certificate.load(self.der)
            subject = GeneralName(kind="directory_name", der=original_der(certificate.subject))
            alternatives = certificate.subject_alt_name_value or ()
            return any(name.is_same(each) for each in (subject, *map(GeneralName.parse, alternatives)))

    def _extension(self, kind: type[_E]) -> x509.Extension[_E] | None:
        with _translate_errors():
            try:
                return self.parsed.extensions.get_extension_for_class(kind)
            except x509.ExtensionNotFound:
                return None


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Turn exceptions into UnreadableCertificate: names and extensions are parsed on access."""
    try:
        yield
    except Exception:  # noqa: BLE001 - ASN.1 readers raise many exceptions
        raise UnreadableCertificate("it, or one of its extensions, is damaged") from None


def find_authority(token: TimestampToken, certificates: Iterable[bytes]) -> AuthorityCertificate | None:
    """Find the certificate of the authority in the token or among the given ones; None if it is missing.

    Anyone can add certificates to a token. If several have the same name, the signed part of the token decides.
    """
    candidates: list[AuthorityCertificate] = []
    for der in (*token.certificates, *certificates):
        parsed = _parse_certificate(der)
        if parsed is not None and _is_signer(parsed, token):
            candidates.append(AuthorityCertificate(der=der, parsed=parsed))
    bound = [
        each
        for each in candidates
        if any(_matches_identifier(ids[0], each.der) for ids in token.certificate_ids if ids)
    ]
    return next(iter((*bound, *candidates)), None)


def find_binding(
    token: TimestampToken, authority: AuthorityCertificate, certificates: Iterable[bytes]
) -> CertificateBinding:
    """Check that the first identifier of each ESSCertID attribute is that of the authority's certificate.

    Further identifiers restrict its chain (RFC 5035 5.4), and their certificates must be available.
    """
    if not all(token.certificate_ids) or not token.certificate_ids:
        return CertificateBinding.MISSING
    identifiers = [each for ids in token.certificate_ids for each in ids]
    if any(each.algorithm not in DIGESTS for each in identifiers):
        return CertificateBinding.UNSUPPORTED
    if not all(_matches_identifier(ids[0], authority.der) for ids in token.certificate_ids):
        return CertificateBinding.OTHER
    available = (*token.certificates, *certificates)
    chain_ids = (each for ids in token.certificate_ids for each in ids[1:])
    is_complete = all(any(_matches_identifier(each, der) for der in available) for each in chain_ids)
    return CertificateBinding.BOUND if is_complete else CertificateBinding.CHAIN_UNKNOWN


def _matches_identifier(identifier: CertificateId, der: bytes) -> bool:
    """Whether an identifier matches a certificate, by its digest and, if stated, its issuer and serial number."""
    if identifier.algorithm not in DIGESTS:
        return False
    if not hmac.compare_digest(identifier.digest, hashlib.new(identifier.algorithm, der).digest()):
        return False
    if identifier.issuer is None:
        return True
    try:
        certificate = asn1_x509.Certificate.load(der)
        is_issuer = bool(identifier.issuer) and is_same_name(identifier.issuer, original_der(certificate.issuer))
        return is_issuer and certificate["tbs_certificate"]["serial_number"].native == identifier.serial_number
    except Exception:  # noqa: BLE001 - ASN.1 readers raise many exceptions
        return False


def _parse_certificate(der: bytes) -> x509.Certificate | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(der)
            certificate.public_key()
    except Exception:  # noqa: BLE001 - ASN.1 readers raise many exceptions
        return None
    return certificate


def _is_signer(certificate: x509.Certificate, token: TimestampToken) -> bool:
    try:
        if token.issuer:
            is_same_serial = certificate.serial_number == token.certificate_serial
            return is_same_serial and certificate.issuer.public_bytes() == token.issuer
        identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except Exception:  # noqa: BLE001 - names and extensions are parsed on access
        return False
    return bool(token.key_identifier) and identifier == token.key_identifier
