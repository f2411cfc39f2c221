"""Timestamp authorities that gave no answer a short while ago.

>>> silence = Silence()
>>> silence.begin("https://tsa.example/tsr")
>>> silence.check("https://another.example/tsr")
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from dcmseal.errors import TimestampError

_BACKOFF_SECONDS: Final = 60.0
"""Seconds until somebody who was silent is asked again."""


@dataclass(slots=True)
class AuthorityBackoff:
    """Who was silent, and since when."""

    _failed_at: dict[str, float] = field(default_factory=dict[str, float])

    def record_failure(self, url: str) -> None:
        """Remember that there was no answer; what is being waited for already is not waited for longer."""
        if not self._is_active(url):
            self._failed_at[url] = time.monotonic()

    def check(self, url: str) -> None:
        """Raises TimestampError if there was no answer a short while ago."""
        if self._is_active(url):
            raise TimestampError(
                "it gave no answer a short while ago, and is not asked again yet",
                hint=f"it is asked again {_BACKOFF_SECONDS:g} seconds after it gave none",
            )

    def _is_active(self, url: str) -> bool:
        since = self._failed_at.get(url)
        return since is not None and time.monotonic() - since < _BACKOFF_SECONDS
