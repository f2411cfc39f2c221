"""Fingerprints of values: plain ones to compare two files here and now, keyed ones that a manifest may hold."""

from __future__ import annotations

import hashlib
import hmac
from typing import Protocol

from dcmseal.mac.digest import Digest


class Fingerprinter(Protocol):
    """How a value becomes a few bytes that no other value has."""

    def fingerprint(self, value: bytes) -> bytes:
        """The fingerprint of a value that is at hand."""
        ...

    def start(self) -> Digest:
        """A running fingerprint of a value that comes in pieces."""
        ...


class PlainFingerprinter:
    """SHA-256."""

    def fingerprint(self, value: bytes) -> bytes:
        return hashlib.sha256(value).digest()

    def start(self) -> Digest:
        return hashlib.sha256()


KEYED_SIZE = 16
"""Bytes that are kept of a keyed fingerprint; RFC 2104 section 5 asks for half of the output at least."""


class KeyedFingerprinter:
    """HMAC-SHA256, the leftmost 128 bits (RFC 2104): who does not know the key cannot try values."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def fingerprint(self, value: bytes) -> bytes:
        return hmac.digest(self._key, value, "sha256")[:KEYED_SIZE]

    def start(self) -> Digest:
        return _RunningHmac(hmac.new(self._key, digestmod="sha256"))


class _RunningHmac:
    __slots__ = ("_hmac",)

    def __init__(self, running: hmac.HMAC) -> None:
        self._hmac = running

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        self._hmac.update(data)

    def digest(self) -> bytes:
        return self._hmac.digest()[:KEYED_SIZE]

    def copy(self) -> _RunningHmac:
        return _RunningHmac(self._hmac.copy())
