"""Which timestamp authorities to ask for a certified timestamp, and what to ask for (RFC 3161)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TypeAlias

from msgspec import Struct, field

from dcmseal.errors import TimestampError, UsageError
from dcmseal.option_values import to_tuple
from dcmseal.plugins.signer_backend import SecretRequest, Secrets
from dcmseal.plugins.timestamp_backend import RetryPolicy, TimestampQuery
from dcmseal.representation import format_fields


class AuthorityBackoff(Struct):
    """The authorities that did not respond, and when. They are not pickled."""

    clock: Callable[[], float] = time.monotonic
    seconds: float = 60.0
    """Seconds until an authority that did not respond is tried again."""
    _failed_at: dict[str, float] = field(default_factory=dict[str, float])

    def __reduce__(self) -> tuple[type[AuthorityBackoff], tuple[Callable[[], float], float]]:
        return AuthorityBackoff, (self.clock, self.seconds)

    def record_failure(self, url: str) -> None:
        """Record that an authority did not respond; an active backoff is not extended."""
        if not self._is_active(url):
            self._failed_at[url] = self.clock()

    def check(self, url: str) -> None:
        """Check whether an authority may be tried.

        Args:
            url: The URL of the authority.

        Raises:
            TimestampError: It did not respond a short while ago.
        """
        if self._is_active(url):
            raise TimestampError(
                f"it did not respond less than {self.seconds:g} seconds ago",
                hint=f"it is tried again after {self.seconds:g} seconds",
            )

    def _is_active(self, url: str) -> bool:
        since = self._failed_at.get(url)
        return since is not None and self.clock() - since < self.seconds


def _no_secrets(_: SecretRequest) -> str | None:
    return None


class TimestampRequest(Struct, frozen=True, kw_only=True):
    """Which authorities to ask for a timestamp, and what to ask for."""

    urls: tuple[str, ...]
    """The authorities; the next one is asked when one cannot be reached or refuses."""
    query: TimestampQuery = TimestampQuery()
    retry_policy: RetryPolicy = RetryPolicy()
    secrets: Secrets = _no_secrets
    """Answers with ``USER:PASSWORD`` when an authority requires a login."""
    backoff: AuthorityBackoff = field(default_factory=AuthorityBackoff)
    """Shared by all files that are signed with this request."""

    def __repr__(self) -> str:
        return format_fields(self, hidden=("secrets", "backoff"))


TimestampInput: TypeAlias = "str | Iterable[str] | TimestampRequest"
"""The URL of a timestamp authority, several that are asked in turn, or a TimestampRequest."""


def to_timestamp_request(timestamp: TimestampInput) -> TimestampRequest:
    """Convert the URL of an authority, or several, to a TimestampRequest.

    Args:
        timestamp: One URL, several URLs, or a request, which is returned unchanged.

    Returns:
        The request.

    Raises:
        UsageError: No authority is given.
    """
    request = (
        timestamp
        if isinstance(timestamp, TimestampRequest)
        else TimestampRequest(urls=to_tuple(timestamp, single=(str,)))
    )
    if not request.urls:
        raise UsageError("no timestamp authority is given", hint="give the URL of one, or several")
    return request
