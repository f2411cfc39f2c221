"""The authority's signature on a token, verified with the key of its certificate (RFC 5652 5.4 and 5.6)."""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import PublicKeyAlgorithmOID

from dcmseal_timestamp.authority import AuthorityCertificate
from dcmseal_timestamp.query import DIGESTS
from dcmseal_timestamp.token import TimestampToken

_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - timestamps of old are verified with the algorithms of old
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_WITH_OWN_DIGEST: Final = frozenset({"ed25519", "ed448"})
_MAX_RSA_BITS: Final = 16384
_MAX_SALT_LENGTH: Final = 512


class SignatureStatus(Enum):
    """What the authority's public key says."""

    VALID = "valid"
    WRONG = "wrong"
    UNSUPPORTED = "unsupported"


def verify_signature(token: TimestampToken, authority: AuthorityCertificate) -> SignatureStatus:
    """Verify the token's signature with the authority's key."""
    if token.digest_algorithm not in DIGESTS:
        return SignatureStatus.UNSUPPORTED
    if token.scheme.digest not in ("", token.digest_algorithm) and token.scheme.kind not in _WITH_OWN_DIGEST:
        # one digest for the content and another for the attributes (RFC 8933 3.1)
        return SignatureStatus.UNSUPPORTED
    digest = hashlib.new(token.digest_algorithm, token.content).digest()
    if token.content_type != "tst_info" or not hmac.compare_digest(token.message_digest, digest):
        return SignatureStatus.WRONG
    hash_ = _HASHES.get(token.scheme.digest or token.digest_algorithm)
    if hash_ is None:
        return SignatureStatus.UNSUPPORTED
    try:
        return SignatureStatus.VALID if _verify_with_key(token, authority, hash_) else SignatureStatus.UNSUPPORTED
    except InvalidSignature:
        return SignatureStatus.WRONG
    except Exception:  # noqa: BLE001 - what the library refuses to compute with
        return SignatureStatus.UNSUPPORTED


def _verify_with_key(token: TimestampToken, authority: AuthorityCertificate, hash_: hashes.HashAlgorithm) -> bool:
    """True if the signature is right, False for a kind that is not known; raises InvalidSignature if it is wrong."""
    key = authority.parsed.public_key()
    kind, signature, signed = token.scheme.kind, token.signature, token.signed_attributes
    if isinstance(key, rsa.RSAPublicKey) and key.key_size <= _MAX_RSA_BITS:
        # a key that is for PSS makes no other signatures (RFC 4055 1.2)
        is_for_pss = authority.parsed.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS
        if kind == "rsassa_pkcs1v15" and not is_for_pss:
            key.verify(signature, signed, padding.PKCS1v15(), hash_)
            return True
        mask = _HASHES.get(token.scheme.mask_digest)
        if kind == "rsassa_pss" and mask is not None and 0 <= token.scheme.salt_length <= _MAX_SALT_LENGTH:
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
