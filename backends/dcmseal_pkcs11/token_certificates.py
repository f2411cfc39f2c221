"""Certificates of a key on a token, and their chains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, InvalidVersion, Name, load_der_x509_certificate

from dcmseal.errors import CertificateNotValid
from dcmseal.plugins.certificate_fields import parse_certificate_fields
from dcmseal.plugins.key_algorithms import certificate_key_algorithm
from dcmseal.terms import KeyType
from dcmseal.warning_filter import suppress_warnings
from dcmseal_pkcs11.mechanisms import KeyKind

_MAX_CERTIFICATES: Final = 64


def parse_certificate(der: bytes) -> Certificate | None:
    """Parse a certificate; None if it is damaged."""
    try:
        with suppress_warnings():
            certificate = load_der_x509_certificate(der)
        # cryptography decodes them on access
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except (ValueError, InvalidVersion):
        return None
    return certificate


def certificate_key_kind(certificate: Certificate) -> KeyKind | None:
    """Return type and size of the key of a certificate; None if it is not RSA or EC.

    Also None for id-RSASSA-PSS, which a token cannot show because such a key has type CKK_RSA, too.
    """
    if certificate_key_algorithm(certificate).key_type is None:
        return None
    try:
        key = certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if isinstance(key, rsa.RSAPublicKey):
        return KeyKind(type=KeyType.RSA, bits=key.key_size)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return KeyKind(type=KeyType.EC, bits=key.curve.key_size)
    return None


def find_newest(certificates: Iterable[Certificate]) -> Certificate | None:
    """Return the certificate that expires last, because many cards contain both a renewed and an old certificate."""
    return max(certificates, key=lambda each: each.not_valid_after_utc, default=None)


def build_chain(own: Certificate, others: Iterable[Certificate], further: Iterable[Certificate]) -> tuple[bytes, ...]:
    """Build a certificate chain, in DER.

    Args:
        own: The signer's certificate, the first of the chain.
        others: Candidates for its issuers; unrelated ones are left out.
        further: Certificates to add in any case.

    Raises:
        CertificateNotValid: The chain is too long.
    """
    path = [own]
    candidates = list(others)
    while (issuer_name := _decode_name(path[-1], "issuer")) != _decode_name(path[-1], "subject"):
        issuer = next(
            (each for each in candidates if _decode_name(each, "subject") == issuer_name and each not in path), None
        )
        if issuer is None:
            break
        path.append(issuer)
    unique = dict.fromkeys(each.public_bytes(Encoding.DER) for each in (*path, *further))
    if len(unique) > _MAX_CERTIFICATES:
        raise CertificateNotValid(
            f"more than {_MAX_CERTIFICATES} certificates belong to the key",
            hint="keep only the chain from the signer's certificate to its authority",
        )
    return tuple(unique)


def _decode_name(certificate: Certificate, which: Literal["issuer", "subject"]) -> Name | bytes:
    """Decode a name, because its encodings may differ; return its DER if it cannot be decoded."""
    try:
        with suppress_warnings():
            return certificate.issuer if which == "issuer" else certificate.subject
    except (ValueError, TypeError):
        fields = parse_certificate_fields(certificate.public_bytes(Encoding.DER))
        return fields.issuer if which == "issuer" else fields.subject
