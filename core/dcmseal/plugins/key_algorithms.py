"""Algorithms of public keys: the AlgorithmIdentifier of a key determines its use (RFC 5280 4.1.2.7).

An RSA key with the identifier id-RSASSA-PSS must not be used for signatures of PKCS #1 v1.5 (RFC 4055 1.2), the only
type of RSA signatures in PS3.15 C.1.

>>> parse_algorithm(bytes.fromhex("300b06092a864886f70d01010a"))
KeyAlgorithm(name='RSASSA-PSS', key_type=None)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from dcmseal.errors import MechanismUnavailable
from dcmseal.plugins.certificate_fields import parse_certificate_fields
from dcmseal.plugins.der import INTEGER, OCTET_STRING, OID, SEQUENCE, DerError, DerReader, decode_oid
from dcmseal.terms import KeyType

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_RSA: Final = "1.2.840.113549.1.1.1"
_DSA: Final = "1.2.840.10040.4.1"
_EC: Final = "1.2.840.10045.2.1"
RSASSA_PSS: Final = "1.2.840.113549.1.1.10"
"""id-RSASSA-PSS (RFC 4055 1.2)."""
_NAMES: Final = {
    RSASSA_PSS: "RSASSA-PSS",
    "1.2.840.113549.1.1.7": "RSAES-OAEP",
    "2.5.8.1.1": "RSA of X.509 (1988)",
    "1.2.840.113549.1.3.1": "Diffie-Hellman",
    "1.2.840.10046.2.1": "Diffie-Hellman",
    "1.3.132.1.12": "ECDH",
    "1.3.132.1.13": "ECMQV",
    "1.3.101.110": "X25519",
    "1.3.101.111": "X448",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
    "1.2.643.2.2.19": "GOST R 34.10-2001",
    "1.2.643.7.1.1.1.1": "GOST R 34.10-2012",
    "1.2.643.7.1.1.1.2": "GOST R 34.10-2012",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}
_X962_PRIME_CURVES: Final = (
    "secp192r1",
    "prime192v2",
    "prime192v3",
    "prime239v1",
    "prime239v2",
    "prime239v3",
    "secp256r1",
)
_SECG_CURVES: Final = {
    1: "sect163k1", 2: "sect163r1", 3: "sect239k1", 4: "sect113r1", 5: "sect113r2", 6: "secp112r1", 7: "secp112r2",
    8: "secp160r1", 9: "secp160k1", 10: "secp256k1", 15: "sect163r2", 16: "sect283k1", 17: "sect283r1",
    22: "sect131r1", 23: "sect131r2", 24: "sect193r1", 25: "sect193r2", 26: "sect233k1", 27: "sect233r1",
    28: "secp128r1", 29: "secp128r2", 30: "secp160r2", 31: "secp192k1", 32: "secp224k1", 33: "secp224r1",
    34: "secp384r1", 35: "secp521r1", 36: "sect409k1", 37: "sect409r1", 38: "sect571k1", 39: "sect571r1",
}  # fmt: skip
_BRAINPOOL_BITS: Final = (160, 192, 224, 256, 320, 384, 512)
_CURVES: Final = {
    **{f"1.2.840.10045.3.1.{number}": name for number, name in enumerate(_X962_PRIME_CURVES, 1)},
    **{f"1.3.132.0.{number}": name for number, name in _SECG_CURVES.items()},
    **{
        f"1.3.36.3.3.2.8.1.1.{1 + 2 * number + twisted}": f"brainpoolP{bits}{'t' if twisted else 'r'}1"
        for number, bits in enumerate(_BRAINPOOL_BITS)
        for twisted in (0, 1)
    },
    "1.2.156.10197.1.301": "SM2",
}
"""Names of curves (SEC 2, ANSI X9.62, RFC 5639) for messages; the library decides which of them it can verify."""


class KeyAlgorithm(Struct, frozen=True, kw_only=True):
    """The algorithm of a key, by its AlgorithmIdentifier."""

    name: str
    """Its common name, such as ``RSASSA-PSS`` or ``EC on the curve sect163k1``."""
    key_type: KeyType | None = None
    """The type of the key if it is suitable for DICOM signatures; otherwise None."""


def parse_algorithm(identifier: bytes) -> KeyAlgorithm:
    """Parse an AlgorithmIdentifier (RFC 5280 4.1.1.2); raises DerError."""
    place = DerReader(identifier).enter(SEQUENCE)
    oid = decode_oid(place.enter(OID).content)
    if oid == _RSA:
        return KeyAlgorithm(name="RSA", key_type=KeyType.RSA)
    if oid == _DSA:
        if place.next_tag == SEQUENCE:
            return KeyAlgorithm(name="DSA", key_type=KeyType.DSA)
        # RFC 3279 2.3.2: the parameters are inherited from the issuer
        return KeyAlgorithm(name="DSA without parameters")
    if oid == _EC:
        return _parse_ec_algorithm(place)
    return KeyAlgorithm(name=_NAMES.get(oid, f"algorithm {oid}"))


def _parse_ec_algorithm(parameters: DerReader) -> KeyAlgorithm:
    """Parse EC parameters; the curve must be named, neither explicit nor implied (RFC 5480 2.1.1)."""
    if parameters.next_tag == OID:
        curve = decode_oid(parameters.enter(OID).content)
        return KeyAlgorithm(name=f"EC on the curve {_CURVES.get(curve, curve)}", key_type=KeyType.EC)
    if parameters.next_tag == SEQUENCE:
        return KeyAlgorithm(name="EC with explicit parameters of its curve")
    return KeyAlgorithm(name="EC without a named curve")


def parse_public_key_algorithm(info: bytes) -> KeyAlgorithm:
    """Parse the algorithm of a SubjectPublicKeyInfo; raises DerError."""
    return parse_algorithm(DerReader(info).enter(SEQUENCE).take(SEQUENCE))


def parse_private_key_algorithm(info: bytes) -> KeyAlgorithm | None:
    """Parse the algorithm of an unencrypted PrivateKeyInfo (RFC 5958); None if the data is something else."""
    try:
        place = DerReader(info).enter(SEQUENCE)
        place.enter(INTEGER)
        identifier = place.take(SEQUENCE)
        return parse_algorithm(identifier) if place.next_tag == OCTET_STRING else None
    except DerError:
        return None


def certificate_key_algorithm(certificate: Certificate) -> KeyAlgorithm:
    """Return the algorithm of the key of a certificate."""
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        return parse_public_key_algorithm(
            parse_certificate_fields(certificate.public_bytes(Encoding.DER)).public_key_info
        )
    except DerError:
        return KeyAlgorithm(name="an unreadable algorithm")


def unsupported_key_error(what: str, algorithm: KeyAlgorithm) -> MechanismUnavailable:
    """Build the error for a key that is not suitable for DICOM signatures.

    Args:
        what: The key, in words.
        algorithm: Its algorithm.
    """
    hint = "use an RSA key, the only type in the profiles of PS3.15, or a key on P-256, P-384 or P-521"
    if algorithm.name == _NAMES[RSASSA_PSS]:
        hint = "get a certificate for a plain RSA key (rsaEncryption): PS3.15 C.1 requires PKCS #1 v1.5 (RFC 4055 1.2)"
    return MechanismUnavailable(f"{what} is for {algorithm.name}, which DICOM signatures do not support", hint=hint)
