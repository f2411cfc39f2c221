"""The certificate of a timestamp authority: which one a token names, and what it is good for (RFC 3161 2.3)."""

# Kept apart: the certificate of the authority, apart from the signature of the token.

from __future__ import annotations

import hashlib
import hmac
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

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
"""Extensions that a certificate may mark as critical: those that are looked at here, or in its path."""
_MIN_BITS: Final = 2048
_MIN_BITS_EC: Final = 224
_SIGNING_USAGES: Final = frozenset({"digital_signature", "non_repudiation"})

_E = TypeVar("_E", bound=x509.ExtensionType)


class CertificateBinding(Enum):
    """What a token says under its signature about the certificate that it was made with."""

    BOUND = "bound"
    CHAIN_UNKNOWN = "chain unknown"
    """It is the authority's, and certificates of its chain that are named are not at hand."""
    UNSUPPORTED = "unsupported"
    """It is named by a digest that cannot be computed."""
    MISSING = "missing"
    OTHER = "other"
    """Another one is named."""


class UnreadableCertificate(Exception):
    """A certificate cannot be understood; the message is made of our words only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityCertificate:
    """The certificate that a token names as its signer's."""

    der: bytes
    parsed: x509.Certificate

    @property
    def key_bits(self) -> int:
        """Size of the key; 0 for kinds that have one size only."""
        key = self.parsed.public_key()
        if isinstance(key, (rsa.RSAPublicKey, dsa.DSAPublicKey, ec.EllipticCurvePublicKey)):
            return key.key_size
        return 0

    @property
    def has_weak_key(self) -> bool:
        """Whether the key may have been broken."""
        least = _MIN_BITS_EC if isinstance(self.parsed.public_key(), ec.EllipticCurvePublicKey) else _MIN_BITS
        return 0 < self.key_bits < least

    @property
    def is_for_timestamps_only(self) -> bool:
        """Whether extended key usage says timeStamping, and nothing else (RFC 3161 2.3)."""
        usage = self._extension(x509.ExtendedKeyUsage)
        return usage is not None and list(usage.value) == [ExtendedKeyUsageOID.TIME_STAMPING]

    @property
    def is_marked_critical(self) -> bool:
        """Whether extended key usage is critical (RFC 3161 2.3)."""
        usage = self._extension(x509.ExtendedKeyUsage)
        return usage is not None and usage.critical

    @property
    def is_ca(self) -> bool:
        """Whether it issues certificates (RFC 5280 4.2.1.9)."""
        constraints = self._extension(x509.BasicConstraints)
        return constraints is not None and constraints.value.ca

    @property
    def is_for_signatures_only(self) -> bool:
        """Whether key usage, if stated, is digitalSignature, nonRepudiation or both, as openssl demands."""
        with _translate_errors():
            usage = asn1_x509.Certificate.load(self.der).key_usage_value
            return usage is None or (bool(usage.native) and usage.native <= _SIGNING_USAGES)

    def check_extensions(self) -> None:
        """Raise UnreadableCertificate for critical extensions that are not understood, and for unreadable ones."""
        with _translate_errors():
            unknown = [
                each.oid for each in self.parsed.extensions if each.critical and each.oid not in _KNOWN_EXTENSIONS
            ]
        if unknown:
            raise UnreadableCertificate("it has a critical extension that is not understood")

    def is_named(self, name: GeneralName) -> bool:
        """Whether a name is its subject's (RFC 3161 2.4.2, tsa)."""
        with _translate_errors():
            certificate = asn1_x509.Certificate.load(self.der)
            subject = GeneralName(kind="directory_name", der=original_der(certificate.subject))
            others = certificate.subject_alt_name_value or ()
            return any(name.is_same(each) for each in (subject, *map(GeneralName.parse, others)))

    def _extension(self, kind: type[_E]) -> x509.Extension[_E] | None:
        with _translate_errors():
            try:
                return self.parsed.extensions.get_extension_for_class(kind)
            except x509.ExtensionNotFound:
                return None


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Names and extensions are read when they are asked for, and hostile ones fail in many ways."""
    try:
        yield
    except Exception:  # noqa: BLE001 - whatever readers of ASN.1 raise
        raise UnreadableCertificate("it, or one of its extensions, cannot be read") from None


def find_authority(token: TimestampToken, certificates: Iterable[bytes]) -> AuthorityCertificate | None:
    """The certificate that the token names, among those in it and those given; None if it is not there.

    Anybody can put more certificates into a token: of several with the same name, the one that was signed for counts.
    """
    named: list[AuthorityCertificate] = []
    for der in (*token.certificates, *certificates):
        parsed = _parse_certificate(der)
        if parsed is not None and _is_signer(parsed, token):
            named.append(AuthorityCertificate(der=der, parsed=parsed))
    bound = [
        each for each in named if any(_matches_identifier(ids[0], each.der) for ids in token.certificate_ids if ids)
    ]
    return next(iter((*bound, *named)), None)


def find_binding(
    token: TimestampToken, authority: AuthorityCertificate, certificates: Iterable[bytes]
) -> CertificateBinding:
    """Whether ESSCertID and ESSCertIDv2, wherever they stand, name the authority's certificate first.

    What they name besides limits its chain (RFC 5035 5.4), and has to be at hand.
    """
    if not all(token.certificate_ids) or not token.certificate_ids:
        return CertificateBinding.MISSING
    identifiers = [each for ids in token.certificate_ids for each in ids]
    if any(each.algorithm not in DIGESTS for each in identifiers):
        return CertificateBinding.UNSUPPORTED
    if not all(_matches_identifier(ids[0], authority.der) for ids in token.certificate_ids):
        return CertificateBinding.OTHER
    at_hand = (*token.certificates, *certificates)
    others = (each for ids in token.certificate_ids for each in ids[1:])
    is_known = all(any(_matches_identifier(each, der) for der in at_hand) for each in others)
    return CertificateBinding.BOUND if is_known else CertificateBinding.CHAIN_UNKNOWN


def _matches_identifier(identifier: CertificateId, der: bytes) -> bool:
    """Whether an identifier is that of a certificate, by its digest and, if it is stated, its name."""
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
    except Exception:  # noqa: BLE001 - hostile names fail in many ways
        return False


def _parse_certificate(der: bytes) -> x509.Certificate | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(der)
            certificate.public_key()
    except Exception:  # noqa: BLE001 - hostile certificates fail in many ways
        return None
    return certificate


def _is_signer(certificate: x509.Certificate, token: TimestampToken) -> bool:
    try:
        if token.issuer:
            same = certificate.serial_number == token.certificate_serial
            return same and certificate.issuer.public_bytes() == token.issuer
        identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except Exception:  # noqa: BLE001 - names and extensions are read when they are asked for; hostile ones fail
        return False
    return bool(token.key_identifier) and identifier == token.key_identifier
