"""Verify Signature (0400,0120) against the MAC with the public key of the certificate (PS3.15 C.1)."""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, cast

from dcmseal.errors import CertificateNotValid
from dcmseal.mac.digest import digest_info, parse_digest_info
from dcmseal.macro.signer_certificate import Certificate, strip_der_padding
from dcmseal.terms import KeyType, MacAlgorithm

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed


class SignatureMatch(Enum):
    """The result of the verification."""

    MATCHES = "matches"
    OTHER_DATA = "other data"
    """The key signed another MAC (RSA only)."""
    OTHER_KEY = "other key"
    """The signature was not made with this key (RSA only)."""
    NO_MATCH = "no match"
    """The data, the key or the signature differs; which one cannot be determined."""
    UNSUPPORTED = "unsupported"


def match_signature(certificate: Certificate, algorithm: MacAlgorithm, digest: bytes, value: bytes) -> SignatureMatch:
    """Verify a signature value.

    The algorithm identifier in the certificate decides how a key may be used: a key for RSASSA-PSS does not verify
    PKCS #1 v1.5 signatures (RFC 4055 1.2).

    Args:
        certificate: The certificate of the signer.
        algorithm: The MAC algorithm.
        digest: The MAC.
        value: The value of Signature (0400,0120).
    """
    if certificate.key_type is None:
        return SignatureMatch.UNSUPPORTED
    if certificate.key_type is KeyType.RSA:
        return _match_rsa(cast("rsa.RSAPublicKey", certificate.public_key), algorithm, digest, value)
    return _match_der(certificate, digest, value)


def _match_rsa(key: rsa.RSAPublicKey, algorithm: MacAlgorithm, digest: bytes, value: bytes) -> SignatureMatch:
    """Verify RSASSA-PKCS1-v1_5 (RFC 2437) by recovering the signed block, which works for all algorithms.

    The entire block is compared, so that neither data after the digest nor other encodings of DigestInfo are accepted.
    """
    size = (key.key_size + 7) // 8
    if len(value) not in (size, size + 1) or value[size:] not in (b"", b"\0"):
        return SignatureMatch.OTHER_KEY
    padding, errors = _load_pkcs1()
    try:
        recovered = key.recover_data_from_signature(value[:size], padding, None)
    except errors:
        return SignatureMatch.OTHER_KEY
    if recovered == digest_info(algorithm, digest):
        return SignatureMatch.MATCHES
    return SignatureMatch.OTHER_DATA if parse_digest_info(recovered) else SignatureMatch.OTHER_KEY


@cache
def _load_pkcs1() -> tuple[PKCS1v15, tuple[type[Exception], ...]]:
    """Load the padding and the exceptions to expect; cached, because repeated imports take time."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    return PKCS1v15(), (InvalidSignature, ValueError)


def _match_der(certificate: Certificate, digest: bytes, value: bytes) -> SignatureMatch:
    """Verify an ECDSA or DSA signature, encoded as DER SEQUENCE(r, s) as by DCMTK; no profile of PS3.15 allows it."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        der = strip_der_padding(value)
    except CertificateNotValid:
        return SignatureMatch.NO_MATCH
    if value[len(der) :] not in (b"", b"\0"):
        return SignatureMatch.NO_MATCH
    prehashed = prehash_algorithm(len(digest))
    try:
        if certificate.key_type is KeyType.EC:
            from cryptography.hazmat.primitives.asymmetric import ec as ec_

            cast("ec.EllipticCurvePublicKey", certificate.public_key).verify(der, digest, ec_.ECDSA(prehashed))
        else:
            cast("dsa.DSAPublicKey", certificate.public_key).verify(der, digest, prehashed)
    except InvalidSignature:
        return SignatureMatch.NO_MATCH
    except (UnsupportedAlgorithm, ValueError):
        return SignatureMatch.UNSUPPORTED
    return SignatureMatch.MATCHES


def prehash_algorithm(size: int) -> Prehashed:
    """Return the algorithm for a digest of this size; only the size matters to ECDSA and DSA."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    return Prehashed(
        {
            16: hashes.MD5(),  # noqa: S303 - only its size is used
            20: hashes.SHA1(),  # noqa: S303 - only its size is used
            32: hashes.SHA256(),
            48: hashes.SHA384(),
            64: hashes.SHA512(),
        }[size]
    )
