"""A moment by which an exchange has to be over, however slowly the other side lets it drip.

The time-out of a socket is one for each piece that arrives: a server that sends a byte now and then never exceeds it,
be it in headers, in interim responses or in trailers without end.

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
    """So many seconds from now on, by a clock that is never set."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._end = clock() + seconds

    def remaining(self) -> float:
        """The seconds that are left; raises TimeoutError if none are."""
        left = self._end - self._clock()
        if left <= 0:
            raise TimeoutError("the deadline is over")
        return left

    def extend(self, seconds: float) -> None:
        """Allow more time, as for a large body that keeps coming."""
        self._end += seconds

    def connect(self, address: tuple[str, int], *_: object) -> socket.socket:
        """A connection to the first address of a host that takes one, as ``socket.create_connection`` makes it.

        That has a time-out for each address, and a name may have any number of them; here, those that are left share
        the time that is left. Raises OSError.
        """
        failure: OSError | None = None
        places = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
        for number, (family, kind, protocol, _name, place) in enumerate(places):
            candidate = socket.socket(family, kind, protocol)
            try:
                candidate.settimeout(self.remaining() / (len(places) - number))
                candidate.connect(place)
                candidate.settimeout(self.remaining())
            except OSError as error:
                candidate.close()
                failure = error
            else:
                return candidate
        raise failure or OSError("the name has no address")


class Readable(Protocol):
    """What is read from, such as the raw stream of a socket."""

    def readinto(self, buffer: Any, /) -> int | None: ...
    def close(self) -> None: ...


class DeadlineReader(RawIOBase):
    """Reads from a stream until a deadline, and raises TimeoutError from then on."""

    def __init__(self, stream: Readable, set_timeout: Callable[[float], object], deadline: Deadline) -> None:
        """``set_timeout`` is told how many seconds the next piece may take."""
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
