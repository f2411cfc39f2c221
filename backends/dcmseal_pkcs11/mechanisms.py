"""PKCS #11 mechanisms for the signatures of PS3.15 C.1 (PKCS #11 v2.40 mechanisms, 2.1 and 2.3).

RSA keys sign a DigestInfo with CKM_RSA_PKCS, which supports all six MAC algorithms on every device. Devices that reject
this, and require to hash the message themselves, get its bytes. ECDSA keys sign the digest in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from msgspec import Struct
from pkcs11 import Mechanism
from pkcs11.types import SignMixin

from dcmseal.errors import MechanismUnavailable, SignerError, WeakAlgorithm
from dcmseal.plugins.der import INTEGER, SEQUENCE
from dcmseal.plugins.signer_backend import SignableMessage
from dcmseal.representation import format_fields
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
# Tags and lengths as constants, because the token leaves the caches of the processor cold, and then code that touches
# little is fast: encode_dss_signature of cryptography takes 6 % of the time of a signature on SoftHSM, this 3 %.
_MAX_INTEGER: Final = 67
_INTEGER_HEADERS: Final = tuple(bytes((INTEGER, size)) for size in range(_MAX_INTEGER + 1))
_SEQUENCE_HEADERS: Final = tuple(
    bytes((SEQUENCE, size) if size < 0x80 else (SEQUENCE, 0x81, size)) for size in range(2 * (_MAX_INTEGER + 2) + 1)
)
"""Tag and length in DER, by length."""
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


class KeyKind(Struct, frozen=True, kw_only=True):
    """Type and size of a key."""

    type: KeyType
    bits: int

    def __str__(self) -> str:
        return f"{self.type.value} {self.bits}"

    @property
    def octets(self) -> int:
        return (self.bits + 7) // 8


class SigningMechanism(NamedTuple):
    """A mechanism that can make a signature."""

    mechanism: Mechanism
    signs_hash: bool
    """Whether it signs a hash; otherwise the token hashes the message itself."""


class TokenCapabilities(Struct, frozen=True, kw_only=True):
    """The mechanisms of a token, with the minimum and maximum key size of each; 0 if unknown."""

    token: str
    sizes: Mapping[Mechanism, tuple[int, int]]

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

    def signing_mechanisms(self, kind: KeyKind) -> Mapping[MacAlgorithm, tuple[SigningMechanism, ...]]:
        """Return the mechanisms for each MAC algorithm that such a key can sign with, the preferred ones first."""
        raw, hashing = _FOR_RSA if kind.type is KeyType.RSA else _FOR_EC
        for_hash = (SigningMechanism(raw, signs_hash=True),) if raw in self.sizes else ()
        on_token = {
            algorithm: (SigningMechanism(mechanism, signs_hash=False),)
            for algorithm, mechanism in hashing.items()
            if mechanism in self.sizes
        }
        found = {algorithm: for_hash + on_token.get(algorithm, ()) for algorithm in MacAlgorithm}
        return {algorithm: mechanisms for algorithm, mechanisms in found.items() if mechanisms}

    def __repr__(self) -> str:
        return format_fields(self, hidden=("sizes",))


def hash_to_sign(message: SignableMessage, kind: KeyKind) -> bytes:
    """Return the input of a mechanism that signs a hash: a DigestInfo, or the number of ECDSA (FIPS 186-4, 6.4).

    The number has the length of the digest that is usual with the curve. Longer digests are truncated to the order of
    the curve, because some devices do not do that. Shorter ones are padded with leading zeros, which do not change the
    number, because TPMs only accept lengths of known hash functions.
    """
    if kind.type is KeyType.RSA:
        return message.digest_info
    digest = message.digest
    if 8 * len(digest) == kind.bits:
        return digest
    return digest[: kind.octets].rjust(min(kind.bits // 8, _MAX_DIGEST_SIZE), b"\0")


def sign_message(
    key: SignMixin,
    kind: KeyKind,
    message: SignableMessage,
    mechanisms: tuple[SigningMechanism, ...],
    hashed: bytes,
    pin: Pin | None,
) -> bytes:
    """Sign with the first mechanism that the token accepts: PKCS #1 v1.5, or the DER of ``SEQUENCE(r, s)``.

    Raises the errors of python-pkcs11.

    Args:
        key: The private key on the token.
        kind: Its type and size.
        message: The message to sign.
        mechanisms: The one or two mechanisms for its MAC algorithm.
        hashed: The data for a mechanism that signs a hash.
        pin: The PIN, if the key needs it for each signature.
    """
    try:
        return _sign_with(key, kind, message, mechanisms[0], hashed, pin)
    except MECHANISM_REFUSED:
        if len(mechanisms) == 1:
            raise
    return _sign_with(key, kind, message, mechanisms[1], hashed, pin)


def _sign_with(
    key: SignMixin, kind: KeyKind, message: SignableMessage, used: SigningMechanism, hashed: bytes, pin: Pin | None
) -> bytes:
    # Chunks may be views of a reused buffer, so copy each.
    data = hashed if used.signs_hash else (bytes(chunk) for chunk in message.chunks())
    # Without a size, python-pkcs11 clears 8 KiB for each signature, which takes longer than everything else here.
    octets = kind.octets
    # Only keys with CKA_ALWAYS_AUTHENTICATE accept a PIN.
    if pin is None:
        raw = key.sign(data, mechanism=used.mechanism, buffer_size=2 * octets)
    else:
        raw = key.sign(data, mechanism=used.mechanism, buffer_size=2 * octets, pin=pin.value)
    return raw if kind.type is KeyType.RSA else encode_ecdsa_signature(raw, octets)


def encode_ecdsa_signature(raw: bytes, octets: int) -> bytes:
    """Encode the signature of a token, two numbers of the same length, as DER (RFC 3279 section 2.2.3).

    Args:
        raw: The signature.
        octets: The length of each number.

    Raises:
        SignerError: The signature has another length.
    """
    if len(raw) != 2 * octets:
        raise SignerError(
            f"the token returned an ECDSA signature of {len(raw)} bytes instead of {2 * octets}",
            hint="report this to the vendor of the driver",
        )
    r, s = raw[:octets], raw[octets:]
    # half of all numbers are in their shortest form already
    if not 0 < r[0] < 0x80:
        r = _trim_integer(r)
    if not 0 < s[0] < 0x80:
        s = _trim_integer(s)
    return _SEQUENCE_HEADERS[len(r) + len(s) + 4] + _INTEGER_HEADERS[len(r)] + r + _INTEGER_HEADERS[len(s)] + s


def _trim_integer(number: bytes) -> bytes:
    """Return the shortest form of a positive number, with a first bit of 0 (X.690 8.3.2)."""
    number = number.lstrip(b"\0")
    return number if number and number[0] < 0x80 else b"\0" + number


def _fits(bits: int, min_bits: int, max_bits: int) -> bool:
    # Some drivers report sizes of RSA keys in bytes; no driver has a maximum below 1024 bits.
    if bits > 1000 and 0 < max_bits < 1000:
        min_bits, max_bits = 8 * min_bits, 8 * max_bits
    return min_bits <= bits <= (max_bits or bits)
