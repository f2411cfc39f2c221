"""PKCS #11 mechanisms for the signatures of PS3.15 C.1 (PKCS #11 v2.40 mechanisms, 2.1 and 2.3).

RSA keys sign a DigestInfo with CKM_RSA_PKCS, which supports all six MAC algorithms on every device. Devices that reject
this, and require to hash the message themselves, get its bytes. ECDSA keys sign the digest in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11 import Mechanism
from pkcs11.types import SignMixin

from dcmseal.errors import MechanismUnavailable, SignerError, WeakAlgorithm
from dcmseal.plugins.signer_backend import SignableMessage
from dcmseal.terms import KeyType, MacAlgorithm
from dcmseal_pkcs11.pin import Pin
from dcmseal_pkcs11.pkcs11_errors import MECHANISM_REFUSED

_MAX_DIGEST_SIZE: Final = 64
CURVES: Final = {
    bytes.fromhex("06082a8648ce3d030107"): 256,
    bytes.fromhex("06052b81040022"): 384,
    bytes.fromhex("06052b81040023"): 521,
}
"""CKA_EC_PARAMS of the curves that DICOM signatures use, and their sizes: P-256, P-384, P-521."""
_RSA_HASHING: Final = {
    MacAlgorithm.MD5: Mechanism.MD5_RSA_PKCS,
    MacAlgorithm.SHA1: Mechanism.SHA1_RSA_PKCS,
    MacAlgorithm.RIPEMD160: Mechanism._RIPEMD160_RSA_PKCS,  # noqa: SLF001 - python-pkcs11 gives it this name
    MacAlgorithm.SHA256: Mechanism.SHA256_RSA_PKCS,
    MacAlgorithm.SHA384: Mechanism.SHA384_RSA_PKCS,
    MacAlgorithm.SHA512: Mechanism.SHA512_RSA_PKCS,
}
_EC_HASHING: Final = {
    MacAlgorithm.SHA1: Mechanism.ECDSA_SHA1,
    MacAlgorithm.SHA256: Mechanism.ECDSA_SHA256,
    MacAlgorithm.SHA384: Mechanism.ECDSA_SHA384,
    MacAlgorithm.SHA512: Mechanism.ECDSA_SHA512,
}
_FOR_RSA: Final = Mechanism.RSA_PKCS, _RSA_HASHING
_FOR_EC: Final = Mechanism.ECDSA, _EC_HASHING
"""The mechanism that signs a hash, and the mechanisms that hash the message themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyKind:
    """Type and size of a key."""

    type: KeyType
    bits: int

    def __str__(self) -> str:
        return f"{self.type.value} {self.bits}"

    @property
    def octets(self) -> int:
        return (self.bits + 7) // 8


class SigningMechanism(NamedTuple):
    """A mechanism and the data it signs; None if the token hashes the message itself."""

    mechanism: Mechanism
    data: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCapabilities:
    """The mechanisms of a token, with the minimum and maximum key size of each; 0 if unknown."""

    token: str
    sizes: Mapping[Mechanism, tuple[int, int]] = field(repr=False)

    def check_key(self, kind: KeyKind) -> None:
        """Check that the token supports a key.

        Args:
            kind: Type and size of the key.

        Raises:
            WeakAlgorithm: The key is too small for new signatures.
            MechanismUnavailable: No mechanism supports such a key.
        """
        if kind.bits < kind.type.min_bits:
            raise WeakAlgorithm(
                f"the key on {self.token} has {kind.bits} bits, too few for a new signature",
                hint=f"use a key of at least {kind.type.min_bits} bits",
            )
        raw, hashing = _FOR_RSA if kind.type is KeyType.RSA else _FOR_EC
        offered = [self.sizes[mechanism] for mechanism in (raw, *hashing.values()) if mechanism in self.sizes]
        if not offered:
            raise MechanismUnavailable(
                f"{self.token} cannot sign with {kind.type.value} keys: it lacks CKM_{raw.name}",
                hint="use another token, or a key of another type",
            )
        if not any(_fits(kind.bits, *sizes) for sizes in offered):
            raise MechanismUnavailable(
                f"{self.token} does not support {kind.type.value} keys of {kind.bits} bits",
                hint="use a key of a size that the token supports",
            )

    def signing_mechanisms(self, kind: KeyKind, message: SignableMessage) -> tuple[SigningMechanism, ...]:
        """Return the mechanisms that can sign a message, the preferred one first.

        Args:
            kind: Type and size of the key.
            message: The message.

        Raises:
            MechanismUnavailable: The token has no such mechanism.
        """
        is_rsa = kind.type is KeyType.RSA
        raw, hashing = _FOR_RSA if is_rsa else _FOR_EC
        found = hashing.get(message.algorithm)
        on_device = () if found is None or found not in self.sizes else (SigningMechanism(found, None),)
        if raw in self.sizes:
            return SigningMechanism(
                raw, message.digest_info if is_rsa else _pad_digest(message.digest, kind)
            ), *on_device
        if not on_device:
            raise MechanismUnavailable(
                f"{self.token} cannot make {kind.type.value} signatures with {message.algorithm}",
                hint="choose another MAC algorithm, such as SHA256",
            )
        return on_device


def sign_message(
    key: SignMixin, kind: KeyKind, message: SignableMessage, mechanisms: tuple[SigningMechanism, ...], pin: Pin | None
) -> bytes:
    """Sign with the first mechanism that the token accepts: PKCS #1 v1.5, or the DER of ``SEQUENCE(r, s)``.

    Raises the errors of python-pkcs11.
    """
    for mechanism in mechanisms[:-1]:
        try:
            return _encode_signature(_sign_with(key, kind, message, mechanism, pin), kind)
        except MECHANISM_REFUSED:
            continue
    return _encode_signature(_sign_with(key, kind, message, mechanisms[-1], pin), kind)


def _sign_with(
    key: SignMixin, kind: KeyKind, message: SignableMessage, mechanism: SigningMechanism, pin: Pin | None
) -> bytes:
    # Chunks may be views of a reused buffer, so copy each.
    data = (bytes(chunk) for chunk in message.chunks()) if mechanism.data is None else mechanism.data
    # Without a size, python-pkcs11 clears 8 KiB for each signature, which takes longer than everything else here.
    size = 2 * kind.octets
    # Only keys with CKA_ALWAYS_AUTHENTICATE accept a PIN.
    if pin is None:
        return key.sign(data, mechanism=mechanism.mechanism, buffer_size=size)
    return key.sign(data, mechanism=mechanism.mechanism, buffer_size=size, pin=pin.value)


def _pad_digest(digest: bytes, kind: KeyKind) -> bytes:
    """Return the number that ECDSA signs (FIPS 186-4 section 6.4), in the digest length that is usual with the curve.

    Longer digests are truncated to the order of the curve, because some devices do not do that. Shorter ones are padded
    with leading zeros, which do not change the number, because TPMs only accept lengths of known hash functions.
    """
    length = min(kind.bits // 8, _MAX_DIGEST_SIZE)
    return digest if len(digest) == length else digest[: kind.octets].rjust(length, b"\0")


def _encode_signature(raw: bytes, kind: KeyKind) -> bytes:
    if kind.type is KeyType.RSA:
        return raw
    size = len(raw) // 2
    if len(raw) != 2 * kind.octets:
        raise SignerError(
            f"the token returned an ECDSA signature of {len(raw)} bytes instead of {2 * kind.octets}",
            hint="report this to the vendor of the driver",
        )
    # RFC 3279 section 2.2.3
    return encode_dss_signature(int.from_bytes(raw[:size]), int.from_bytes(raw[size:]))


def _fits(bits: int, min_bits: int, max_bits: int) -> bool:
    # Some drivers report sizes of RSA keys in bytes; no driver has a maximum below 1024 bits.
    if bits > 1000 and 0 < max_bits < 1000:
        min_bits, max_bits = 8 * min_bits, 8 * max_bits
    return min_bits <= bits <= (max_bits or bits)
