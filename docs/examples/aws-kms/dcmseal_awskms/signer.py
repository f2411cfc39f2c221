"""A signer with a key in KMS: RSASSA-PKCS1-v1_5 (PS3.15 C.1) and ECDSA, over a digest that is computed locally."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from dcmseal.plugins import KeyType, MacAlgorithm, MechanismUnavailable, SignableMessage, SignerError
from dcmseal_awskms.certificates import Certificates

if TYPE_CHECKING:
    from dcmseal_awskms.connection import Connection

_ALGORITHMS: Final = {
    (KeyType.RSA, MacAlgorithm.SHA256): "RSASSA_PKCS1_V1_5_SHA_256",
    (KeyType.RSA, MacAlgorithm.SHA384): "RSASSA_PKCS1_V1_5_SHA_384",
    (KeyType.RSA, MacAlgorithm.SHA512): "RSASSA_PKCS1_V1_5_SHA_512",
    (KeyType.EC, MacAlgorithm.SHA256): "ECDSA_SHA_256",
    (KeyType.EC, MacAlgorithm.SHA384): "ECDSA_SHA_384",
    (KeyType.EC, MacAlgorithm.SHA512): "ECDSA_SHA_512",
}
"""The algorithms of PS3.15 C.1 that KMS supports."""


class AwsKmsSigner:
    """Signs until it is closed."""

    __slots__ = ("_algorithms", "_arn", "_connection", "certificate_chain", "key_type")

    def __init__(self, connection: Connection, key_id: str, certificates: Certificates) -> None:
        """Raise MechanismUnavailable if the key is unsuitable, and CertificateMismatch."""
        key = connection.public_key(key_id)
        public_key = _load_public_key(key.der)
        self.key_type = KeyType.RSA if isinstance(public_key, rsa.RSAPublicKey) else KeyType.EC
        self._algorithms = {
            mac: name for (kind, mac), name in _ALGORITHMS.items() if kind is self.key_type and name in key.algorithms
        }
        if not self._algorithms:
            raise MechanismUnavailable(
                "the key in AWS KMS is not made for signing", hint="use an asymmetric key of usage SIGN_VERIFY"
            )
        self.certificate_chain = certificates.build_chain(public_key)
        self._arn = key.arn
        self._connection: Connection | None = connection

    def __repr__(self) -> str:
        return f"<{'closed' if self._connection is None else 'open'} {self.key_type.value} key in AWS KMS>"

    def sign(self, message: SignableMessage) -> bytes:
        """Return a PKCS #1 v1.5 signature of modulus length (RSA) or DER SEQUENCE(r, s) (EC)."""
        connection = self._connection
        if connection is None:
            raise SignerError("the key is closed", hint="sign while the key is open")
        algorithm = self._algorithms.get(message.algorithm)
        if algorithm is None:
            raise MechanismUnavailable(
                f"the key in AWS KMS makes no signatures over {message.algorithm}",
                hint=f"choose {' or '.join(self._algorithms)}",
            )
        return connection.sign(self._arn, message.digest, algorithm)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection = None


def _load_public_key(der: bytes) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, rsa.RSAPublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)):
        return key
    raise MechanismUnavailable(
        "the key in AWS KMS is of a kind that DICOM has no signatures for",
        hint="use a key of spec RSA_2048 to RSA_4096, or ECC_NIST_P256 to ECC_NIST_P521",
    )
