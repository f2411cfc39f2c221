"""Message digests of the MAC algorithms, and DigestInfo (PS3.15 C.1; RFC 2437 section 9.2.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, Protocol, Self, cast

from msgspec import Struct

from dcmseal.errors import MechanismUnavailable
from dcmseal.terms import MacAlgorithm

if TYPE_CHECKING:
    from dcmseal.dataset.source import Buffer


class Digest(Protocol):
    """A running message digest."""

    def update(self, data: Buffer, /) -> object: ...
    def digest(self) -> bytes: ...
    def copy(self) -> Self: ...


_PREFIXES: Final = {
    MacAlgorithm.MD5: bytes.fromhex("3020300c06082a864886f70d020505000410"),
    MacAlgorithm.SHA1: bytes.fromhex("3021300906052b0e03021a05000414"),
    MacAlgorithm.RIPEMD160: bytes.fromhex("3021300906052b2403020105000414"),
    MacAlgorithm.SHA256: bytes.fromhex("3031300d060960864801650304020105000420"),
    MacAlgorithm.SHA384: bytes.fromhex("3041300d060960864801650304020205000430"),
    MacAlgorithm.SHA512: bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""The DER of DigestInfo before the digest."""


def digest_info(algorithm: MacAlgorithm, digest: bytes) -> bytes:
    """Encode a digest as DigestInfo, which PKCS #1 v1.5 signs (RFC 2437 section 9.2.1)."""
    return _PREFIXES[algorithm] + digest


def parse_digest_info(info: bytes) -> tuple[MacAlgorithm, bytes] | None:
    """Parse a DigestInfo into algorithm and digest; None if it is invalid or of another algorithm."""
    for algorithm, prefix in _PREFIXES.items():
        if info.startswith(prefix) and len(info) == len(prefix) + algorithm.digest_size:
            return algorithm, info[len(prefix) :]
    return None


def new_digest(algorithm: MacAlgorithm) -> Digest:
    """Start a digest.

    For RIPEMD160 and MD5, pycryptodome is used if OpenSSL does not offer them.

    Raises:
        MechanismUnavailable: This Python cannot compute the digest.
    """
    try:
        return hashlib.new(algorithm.value.lower(), usedforsecurity=False)
    except ValueError:
        return _fallback_digest(algorithm)


def is_digest_available(algorithm: MacAlgorithm) -> bool:
    """Whether this Python can compute a digest."""
    try:
        new_digest(algorithm)
    except MechanismUnavailable:
        return False
    return True


def _fallback_digest(algorithm: MacAlgorithm) -> Digest:
    try:
        if algorithm is MacAlgorithm.RIPEMD160:
            from Crypto.Hash import RIPEMD160

            return cast("Digest", RIPEMD160.new())
        if algorithm is MacAlgorithm.MD5:
            from Crypto.Hash import MD5

            return cast("Digest", MD5.new())
    except ImportError:
        pass
    raise MechanismUnavailable(
        f"this Python cannot compute {algorithm}", hint="install pycryptodome, or enable it in OpenSSL"
    )


class MacStream(Struct, frozen=True, kw_only=True):
    """What a key signs: the MAC, DigestInfo or the MAC byte stream (see ``dcmseal.plugins.SignableMessage``)."""

    algorithm: MacAlgorithm
    digest: bytes
    """The MAC."""
    read: Callable[[], Iterator[bytes]]
    """Encodes the MAC byte stream."""

    @property
    def digest_info(self) -> bytes:
        """The MAC as DigestInfo, which PKCS #1 v1.5 signs."""
        return digest_info(self.algorithm, self.digest)

    def chunks(self) -> Iterator[bytes]:
        """Encode the MAC byte stream again, in pieces, which takes as long as computing the MAC."""
        return self.read()

    def __repr__(self) -> str:
        return f"MacStream({self.algorithm}, {self.digest.hex()})"
