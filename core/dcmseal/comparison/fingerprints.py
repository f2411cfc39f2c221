"""Fingerprints of values: plain ones to compare two files, keyed ones for change manifests."""

from __future__ import annotations

import hashlib
import hmac
from typing import Protocol

from dcmseal.mac.digest import Digest


class Fingerprinter(Protocol):
    """Computes fingerprints of values."""

    def fingerprint(self, value: bytes) -> bytes:
        """Compute the fingerprint of a value."""
        ...

    def start(self) -> Digest:
        """Start the fingerprint of a value that is read in pieces."""
        ...


class PlainFingerprinter:
    """Fingerprints values with SHA-256."""

    def fingerprint(self, value: bytes) -> bytes:
        return hashlib.sha256(value).digest()

    def start(self) -> Digest:
        return hashlib.sha256()


KEYED_SIZE = 16
"""Length of a keyed fingerprint in bytes; RFC 2104 5 recommends at least half of the output."""


class KeyedFingerprinter:
    """Fingerprints values with the leftmost 128 bits of HMAC-SHA256 (RFC 2104), to prevent guessing without the key."""

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
