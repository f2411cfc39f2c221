"""A Dask client that waits for no answer longer than it was told to.

Dask bounds the time until a connection is made, but not that of the handshake after it, nor of requests: a scheduler
that accepts connections and says nothing would be waited for without end.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from distributed import Client

_TIMEOUT_MARGIN: Final = 1.05
"""Dask's own limit comes before ours: its error says more."""
_CLOSE_TIMEOUT: Final = 5.0
"""Seconds for the farewell: nothing depends on it."""


class BoundedClient(Client):
    """Raises TimeoutError where the scheduler does not answer within so many seconds, also while it connects."""

    def __init__(self, seconds: float, **options: Any) -> None:
        self._seconds = seconds
        super().__init__(timeout=seconds, set_as_default=False, name="dcmseal", **options)  # type: ignore[no-untyped-call] # distributed has no types

    def start(self, **options: Any) -> None:
        """Connect; what was begun is ended if that fails."""
        try:
            super().start(callback_timeout=self._seconds * _TIMEOUT_MARGIN, **options)  # type: ignore[no-untyped-call] # distributed has no types
        except BaseException:
            self.close_quietly()
            raise

    def sync(self, func: Callable[..., Any], *args: Any, callback_timeout: float | None = None, **options: Any) -> Any:
        """Call a coroutine function, within the time that is given or else that of the client."""
        return super().sync(
            func, *args, callback_timeout=callback_timeout or self._seconds * _TIMEOUT_MARGIN, **options
        )  # type: ignore[no-untyped-call] # distributed has no types

    def close_quietly(self) -> None:
        """Close without an error, even if the scheduler has nothing more to say."""
        with suppress(Exception):
            self.close(timeout=min(self._seconds, _CLOSE_TIMEOUT))
