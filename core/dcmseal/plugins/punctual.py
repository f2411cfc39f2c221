"""A stream that has to be over by a deadline, however slowly the other side lets it drip.

The time-out of a socket is one for each piece that arrives: who sends a byte now and then is never too late for it, be
it in headers, in interim responses or in trailers without end.

>>> from io import BytesIO
>>> from time import monotonic
>>> Punctual(BytesIO(b"in time"), lambda seconds: None, monotonic() + 10).read(2)
b'in'
"""

from __future__ import annotations

import time
from collections.abc import Callable
from io import RawIOBase
from typing import Any, Protocol


class Readable(Protocol):
    """What is read from, such as the raw stream of a socket."""

    def readinto(self, buffer: Any, /) -> int | None: ...
    def close(self) -> None: ...


class Punctual(RawIOBase):
    """Reads from a stream until a deadline of ``time.monotonic``, and raises TimeoutError from then on."""

    def __init__(self, stream: Readable, patience: Callable[[float], None], deadline: float) -> None:
        """``patience`` is told how many seconds the next piece may take."""
        self._stream = stream
        self._patience = patience
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline is over")
        self._patience(left)
        return self._stream.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
