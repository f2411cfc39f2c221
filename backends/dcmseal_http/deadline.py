"""Deadlines for whole HTTP exchanges.

The timeout of a socket applies to each read. A server that sends headers, interim responses or trailers byte by byte
never exceeds it.

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
        """Return the remaining seconds.

        Raises:
            TimeoutError: The deadline has passed.
        """
        seconds = self._end - self._clock()
        if seconds <= 0:
            raise TimeoutError("the deadline has passed")
        return seconds

    def extend(self, seconds: float) -> None:
        """Extend the deadline, for example while a large body arrives."""
        self._end += seconds

    def connect(self, address: tuple[str, int], *_: object) -> socket.socket:
        """Connect to the first address of a host that accepts, like ``socket.create_connection``.

        That function applies its timeout to each address; here, all addresses share the remaining time.

        Raises:
            OSError: No address accepts a connection.
        """
        failure: OSError | None = None
        candidates = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
        for number, (family, kind, protocol, _name, target) in enumerate(candidates):
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(self.remaining() / (len(candidates) - number))
                connection.connect(target)
                connection.settimeout(self.remaining())
            except OSError as error:
                connection.close()
                failure = error
            else:
                return connection
        raise failure or OSError("the host name has no address")


class Readable(Protocol):
    """A raw stream, such as that of a socket."""

    def readinto(self, buffer: Any, /) -> int | None: ...
    def close(self) -> None: ...


class DeadlineReader(RawIOBase):
    """Reads from a stream, and raises TimeoutError after a deadline."""

    def __init__(self, stream: Readable, set_timeout: Callable[[float], object], deadline: Deadline) -> None:
        """Wrap a stream.

        Args:
            stream: The stream to read from.
            set_timeout: Sets the timeout of the next read, in seconds.
            deadline: The deadline of all reads.
        """
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
