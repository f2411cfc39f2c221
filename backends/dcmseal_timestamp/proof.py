"""The authority's signature on a token, and the certificate it was made with (RFC 3161 2.3 and 2.4.2)."""

from __future__ import annotations

import hashlib
import hmac
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from dcmseal_timestamp.query import DIGESTS
from dcmseal_timestamp.token import Token

_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - timestamps of old are verified with the algorithms of old
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_MOST_RSA_BITS: Final = 16384
_MOST_SALT: Final = 512


class Proof(Enum):
    """What the authority's public key says."""

    VALID = "valid"
    WRONG = "wrong"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """The certificate that a token names as its signer's."""

    der: bytes
    parsed: x509.Certificate

    @property
    def key_bits(self) -> int:
        """Size of an RSA or DSA key, which may be too small; 0 for other kinds."""
        key = self.parsed.public_key()
        return key.key_size if isinstance(key, (rsa.RSAPublicKey, dsa.DSAPublicKey)) else 0

    @property
    def is_for_timestamps_only(self) -> bool:
        """Whether extended key usage says timeStamping, and nothing else (RFC 3161 2.3)."""
        usage = self._extended_key_usage
        return usage is not None and list(usage.value) == [ExtendedKeyUsageOID.TIME_STAMPING]

    @property
    def is_marked_critical(self) -> bool:
        """Whether extended key usage is critical (RFC 3161 2.3)."""
        usage = self._extended_key_usage
        return usage is not None and usage.critical

    @property
    def _extended_key_usage(self) -> x509.Extension[x509.ExtendedKeyUsage] | None:
        try:
            return self.parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        except Exception:  # noqa: BLE001 - hostile extensions fail in many ways
            return None


def find_authority(token: Token, certificates: Iterable[bytes]) -> Authority | None:
    """The certificate that the token names, among those in it and those given; None if it is not there.

    Anybody can put more certificates into a token: of several with the same name, the one that was signed for counts.
    """
    named: list[Authority] = []
    for der in (*token.certificates, *certificates):
        parsed = _parsed(der)
        if parsed is not None and _is_named(parsed, token):
            named.append(Authority(der=der, parsed=parsed))
    bound = [each for each in named if is_bound(token, each)]
    return next(iter((*bound, *named)), None)


def _parsed(der: bytes) -> x509.Certificate | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(der)
            certificate.public_key()
    except Exception:  # noqa: BLE001 - hostile certificates fail in many ways
        return None
    return certificate


def _is_named(certificate: x509.Certificate, token: Token) -> bool:
    try:
        if token.issuer:
            same = certificate.serial_number == token.certificate_serial
            return same and certificate.issuer.public_bytes() == token.issuer
        identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except Exception:  # noqa: BLE001 - names and extensions are read when they are asked for; hostile ones fail
        return False
    return bool(token.key_identifier) and identifier == token.key_identifier


def is_bound(token: Token, authority: Authority) -> bool:
    """Whether the token says under its signature which certificate it was made with (ESSCertID, ESSCertIDv2)."""
    named = token.certificate_id
    if named is None or named.algorithm not in DIGESTS:
        return False
    return hmac.compare_digest(named.digest, hashlib.new(named.algorithm, authority.der).digest())


def prove(token: Token, authority: Authority) -> Proof:
    """Verify the token's signature with the authority's key (RFC 5652 5.4 and 5.6)."""
    if token.digest_algorithm not in DIGESTS:
        return Proof.UNSUPPORTED
    digest = hashlib.new(token.digest_algorithm, token.content).digest()
    if token.content_type != "tst_info" or not hmac.compare_digest(token.message_digest, digest):
        return Proof.WRONG
    hash_ = _HASHES.get(token.scheme.digest or token.digest_algorithm)
    if hash_ is None:
        return Proof.UNSUPPORTED
    try:
        return Proof.VALID if _verified(token, authority, hash_) else Proof.UNSUPPORTED
    except InvalidSignature:
        return Proof.WRONG
    except Exception:  # noqa: BLE001 - what the library refuses to compute with
        return Proof.UNSUPPORTED


def _verified(token: Token, authority: Authority, hash_: hashes.HashAlgorithm) -> bool:
    """True if the signature is right, False for a kind that is not known; raises InvalidSignature if it is wrong."""
    key = authority.parsed.public_key()
    kind, signature, signed = token.scheme.kind, token.signature, token.signed_attributes
    if isinstance(key, rsa.RSAPublicKey) and key.key_size <= _MOST_RSA_BITS:
        if kind == "rsassa_pkcs1v15":
            key.verify(signature, signed, padding.PKCS1v15(), hash_)
            return True
        mask = _HASHES.get(token.scheme.mask_digest)
        if kind == "rsassa_pss" and mask is not None and 0 <= token.scheme.salt_length <= _MOST_SALT:
            key.verify(signature, signed, padding.PSS(padding.MGF1(mask), token.scheme.salt_length), hash_)
            return True
    elif isinstance(key, ec.EllipticCurvePublicKey) and kind == "ecdsa":
        key.verify(signature, signed, ec.ECDSA(hash_))
        return True
    elif isinstance(key, dsa.DSAPublicKey) and kind == "dsa":
        key.verify(signature, signed, hash_)
        return True
    elif isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)) and kind in ("ed25519", "ed448"):
        key.verify(signature, signed)
        return True
    return False
