"""A signer with a key in memory: PKCS #1 v1.5 for RSA (PS3.15 C.1), ECDSA and DSA over the digest."""

# Kept apart: imports cryptography, which listing plugins must not do.

from __future__ import annotations

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa, utils
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dcmseal.errors import MechanismUnavailable, SignerError, WeakAlgorithm
from dcmseal.plugins.key_algorithms import parse_public_key_algorithm, unsupported_key_error
from dcmseal.plugins.signer_backend import SignableMessage
from dcmseal.terms import KeyType

_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)

# ECDSA and DSA sign the digest itself, of which only the length matters to the library: one object of each length
# serves all six algorithms, including RIPEMD160, which the library lacks.
_PREHASHED: Final = {
    hash_.digest_size: utils.Prehashed(hash_)
    for hash_ in (hashes.MD5(), hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512())  # noqa: S303 - PS3.15 C.1 allows MD5 and SHA-1
}


class SoftwareSigner:
    """Signs until it is closed."""

    __slots__ = ("_key", "certificate_chain", "key_type")

    def __init__(self, key: PrivateKeyTypes, certificate_chain: tuple[bytes, ...]) -> None:
        """Raise WeakAlgorithm if the key is too small, and MechanismUnavailable if its type is unsuitable."""
        self._key: PrivateKeyTypes | None = key
        self.key_type = _check_key_type(key)
        self.certificate_chain = certificate_chain

    def __repr__(self) -> str:
        return f"<{'closed' if self._key is None else 'open'} {self.key_type.value} key in a file>"

    def sign(self, message: SignableMessage) -> bytes:
        """Return a PKCS #1 v1.5 signature of modulus length (RSA), or the DER of ``SEQUENCE(r, s)`` (EC, DSA)."""
        key = self._key
        if key is None:
            raise SignerError("the key is closed", hint="sign inside the context that opened the key")
        # Read one view only, and outside the try: reading it may raise errors of the Data Set.
        data = message.digest_info if isinstance(key, rsa.RSAPrivateKey) else message.digest
        try:
            if isinstance(key, rsa.RSAPrivateKey):
                return key.sign(data, padding.PKCS1v15(), utils.NoDigestInfo())
            if isinstance(key, ec.EllipticCurvePrivateKey):
                return key.sign(data, ec.ECDSA(_PREHASHED[len(data)]))
            if isinstance(key, dsa.DSAPrivateKey):
                return key.sign(data, _PREHASHED[len(data)])
        except (ValueError, UnsupportedAlgorithm):
            pass
        raise MechanismUnavailable(
            f"the cryptographic library cannot sign a {message.algorithm} digest with a {self.key_type.value} key",
            hint="choose another MAC algorithm, such as SHA256",
        )

    def close(self) -> None:
        """Release the key."""
        self._key = None


def _check_key_type(key: PrivateKeyTypes) -> KeyType:
    if isinstance(key, (rsa.RSAPrivateKey, dsa.DSAPrivateKey)):
        kind = KeyType.RSA if isinstance(key, rsa.RSAPrivateKey) else KeyType.DSA
        if key.key_size < kind.min_bits:
            raise WeakAlgorithm(
                f"the key has {key.key_size} bits, too few for a new signature",
                hint=f"use a key of at least {kind.min_bits} bits",
            )
        return kind
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if not isinstance(key.curve, _CURVES):
            raise MechanismUnavailable(
                f"keys on the curve {key.curve.name} are not supported", hint="use P-256, P-384 or P-521"
            )
        return KeyType.EC
    info = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    raise unsupported_key_error("the key", parse_public_key_algorithm(info))
