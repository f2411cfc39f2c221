"""Deadlines for whole HTTP exchanges.

The timeout of a socket applies to each read: a server that sends a byte now and then, in headers, interim responses or
trailers, never exceeds it.

>>> from io import BytesIO
>>> DeadlineReader(BytesIO(b"in time"), lambda seconds: None, Deadline(10)).read(2)
b'in'
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from io import RawIOBase
from typing import Any, Protocol


class Deadline:
    """A number of seconds from now, by a monotonic clock."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._end = clock() + seconds

    def remaining(self) -> float:
        """Return the remaining seconds; raises TimeoutError after the deadline."""
        left = self._end - self._clock()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left

    def extend(self, seconds: float) -> None:
        """Extend the deadline, such as for a large body that keeps arriving."""
        self._end += seconds

    def connect(self, address: tuple[str, int], *_: object) -> socket.socket:
        """Connect to the first address of a host that accepts, like ``socket.create_connection``; raises OSError.

        That function applies its timeout to each of any number of addresses; here, the remaining addresses share the
        remaining time.
        """
        failure: OSError | None = None
        addresses = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
        for number, (family, kind, protocol, _name, resolved) in enumerate(addresses):
            candidate = socket.socket(family, kind, protocol)
            try:
                candidate.settimeout(self.remaining() / (len(addresses) - number))
                candidate.connect(resolved)
                candidate.settimeout(self.remaining())
            except OSError as error:
                candidate.close()
                failure = error
            else:
                return candidate
        raise failure or OSError("the host name has no address")


class Readable(Protocol):
    """A raw stream, such as that of a socket."""

    def readinto(self, buffer: Any, /) -> int | None: ...
    def close(self) -> None: ...


class DeadlineReader(RawIOBase):
    """Reads from a stream, and raises TimeoutError after a deadline."""

    def __init__(self, stream: Readable, set_timeout: Callable[[float], object], deadline: Deadline) -> None:
        """``set_timeout`` gets the timeout in seconds for the next read."""
        self._stream = stream
        self._set_timeout = set_timeout
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        self._set_timeout(self._deadline.remaining())
        return self._stream.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
