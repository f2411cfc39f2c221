"""Which mechanisms of a token make the signatures of PS3.15 C.1, and how (PKCS #11 v2.40 mechanisms, 2.1 and 2.3).

RSA signs DigestInfo with CKM_RSA_PKCS: the one way that does all six MAC algorithms on every device. Devices that
refuse it, and insist on hashing themselves, get the bytes of the message. ECDSA likewise, over the digest.
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
    MacAlgorithm.RIPEMD160: Mechanism._RIPEMD160_RSA_PKCS,  # noqa: SLF001 - its name there
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
"""The mechanism that signs what was hashed before, and those that hash themselves."""


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
    """A mechanism, and what it signs; None: the token hashes the message itself."""

    mechanism: Mechanism
    data: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCapabilities:
    """What a token can do: mechanisms with the least and greatest key size of each, 0 for what it does not tell."""

    token: str
    sizes: Mapping[Mechanism, tuple[int, int]] = field(repr=False)

    def check_key(self, kind: KeyKind) -> None:
        """Make sure that there is a mechanism for such a key; raises MechanismUnavailable or WeakAlgorithm."""
        if kind.bits < kind.type.min_bits:
            raise WeakAlgorithm(
                f"the key in {self.token} has {kind.bits} bits, too few for a new signature",
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
                f"{self.token} does not sign with {kind.type.value} keys of {kind.bits} bits",
                hint="use a key of a size that the token takes",
            )

    def signing_mechanisms(self, kind: KeyKind, message: SignableMessage) -> tuple[SigningMechanism, ...]:
        """How to sign the message, the better way first; raises MechanismUnavailable if there is none."""
        is_rsa = kind.type is KeyType.RSA
        raw, hashing = _FOR_RSA if is_rsa else _FOR_EC
        other = hashing.get(message.algorithm)
        itself = () if other is None or other not in self.sizes else (SigningMechanism(other, None),)
        if raw in self.sizes:
            return SigningMechanism(raw, message.digest_info if is_rsa else _pad_digest(message.digest, kind)), *itself
        if not itself:
            raise MechanismUnavailable(
                f"{self.token} cannot make {kind.type.value} signatures with {message.algorithm}",
                hint="choose another MAC algorithm, for instance SHA256",
            )
        return itself


def sign_message(
    key: SignMixin, kind: KeyKind, message: SignableMessage, mechanisms: tuple[SigningMechanism, ...], pin: Pin | None
) -> bytes:
    """Sign the first way that the token takes: PKCS #1 v1.5, or DER SEQUENCE(r, s); python-pkcs11's errors pass."""
    for way in mechanisms[:-1]:
        try:
            return _encode_signature(_sign_with(key, kind, message, way, pin), kind)
        except MECHANISM_REFUSED:
            continue
    return _encode_signature(_sign_with(key, kind, message, mechanisms[-1], pin), kind)


def _sign_with(
    key: SignMixin, kind: KeyKind, message: SignableMessage, mechanism: SigningMechanism, pin: Pin | None
) -> bytes:
    # Pieces may be views of a buffer that is used again: each is gone before the next one comes.
    data = (bytes(chunk) for chunk in message.chunks()) if mechanism.data is None else mechanism.data
    # Without a size python-pkcs11 clears 8 KiB for each signature, which takes it longer than all we do.
    size = 2 * kind.octets
    # A PIN is passed for keys with CKA_ALWAYS_AUTHENTICATE only: others refuse it.
    if pin is None:
        return key.sign(data, mechanism=mechanism.mechanism, buffer_size=size)
    return key.sign(data, mechanism=mechanism.mechanism, buffer_size=size, pin=pin.value)


def _pad_digest(digest: bytes, kind: KeyKind) -> bytes:
    """The number that ECDSA signs (FIPS 186-4 section 6.4), in as many octets as the digest that is usual with a curve.

    Longer digests are cut to the order of the curve, which some devices leave to us. Shorter ones get zeros in front,
    which leave the number as it is: TPMs refuse what has the length of no hash that they know.
    """
    usual = min(kind.bits // 8, _MAX_DIGEST_SIZE)
    return digest if len(digest) == usual else digest[: kind.octets].rjust(usual, b"\0")


def _encode_signature(raw: bytes, kind: KeyKind) -> bytes:
    if kind.type is KeyType.RSA:
        return raw
    size = len(raw) // 2
    if len(raw) != 2 * kind.octets:
        raise SignerError(
            f"the token made an ECDSA signature of {len(raw)} bytes where {2 * kind.octets} are due",
            hint="report this to those who make the driver",
        )
    # RFC 3279 section 2.2.3
    return encode_dss_signature(int.from_bytes(raw[:size]), int.from_bytes(raw[size:]))


def _fits(bits: int, least: int, greatest: int) -> bool:
    # Some drivers tell sizes of RSA keys in bytes; none has a key of less than 1024 bits as its greatest.
    if bits > 1000 and 0 < greatest < 1000:
        least, greatest = 8 * least, 8 * greatest
    return least <= bits <= (greatest or bits)
