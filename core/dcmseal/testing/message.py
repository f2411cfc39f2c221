"""A message to sign in tests: bytes in place of a MAC byte stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dcmseal.mac.digest import digest_info, new_digest
from dcmseal.terms import MacAlgorithm


@dataclass(frozen=True, slots=True, kw_only=True)
class BytesMessage:
    """A SignableMessage over bytes at hand."""

    algorithm: MacAlgorithm
    content: bytes

    @property
    def digest(self) -> bytes:
        running = new_digest(self.algorithm)
        running.update(self.content)
        return running.digest()

    @property
    def digest_info(self) -> bytes:
        return digest_info(self.algorithm, self.digest)

    def chunks(self) -> Iterator[bytes]:
        middle = len(self.content) // 2
        yield self.content[:middle]
        yield self.content[middle:]
