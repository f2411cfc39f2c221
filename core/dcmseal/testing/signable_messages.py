"""Messages to sign in tests, instead of a MAC byte stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from msgspec import Struct

from dcmseal.errors import SealError
from dcmseal.mac.digest import digest_info, new_digest
from dcmseal.terms import MacAlgorithm


class BytesMessage(Struct, frozen=True, kw_only=True):
    """A SignableMessage over given bytes."""

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


class UnreadableMessage(Struct, frozen=True, kw_only=True):
    """A SignableMessage over a truncated Data Set: every view of it raises an error."""

    algorithm: MacAlgorithm
    error: SealError

    @property
    def digest(self) -> NoReturn:
        raise self.error

    @property
    def digest_info(self) -> NoReturn:
        raise self.error

    def chunks(self) -> Iterator[bytes]:
        yield b"the part that could be read"
        raise self.error
