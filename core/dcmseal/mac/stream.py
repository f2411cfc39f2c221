"""The MAC byte stream as signers get it: digest, DigestInfo, or the bytes themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dcmseal.mac.digest import digest_info
from dcmseal.terms import MacAlgorithm


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MacStream:
    """What is to be signed, in three views (see ``dcmseal.plugins.guarded_signer.SignableMessage``)."""

    algorithm: MacAlgorithm
    digest: bytes
    """The MAC."""
    read: Callable[[], Iterator[bytes]]

    @property
    def digest_info(self) -> bytes:
        """The MAC in DigestInfo, which PKCS #1 v1.5 signs."""
        return digest_info(self.algorithm, self.digest)

    def chunks(self) -> Iterator[bytes]:
        """The MAC byte stream in pieces; it is made anew at each call, and takes as long as the MAC did."""
        return self.read()

    def __repr__(self) -> str:
        return f"MacStream({self.algorithm}, {self.digest.hex()})"
