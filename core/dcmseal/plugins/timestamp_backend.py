"""The interface of timestamp plugins, one for each Certified Timestamp Type (PS3.3 C.12.1.1.3.1.3).

>>> from dcmseal.plugins.registry import installed_registry
>>> backend = installed_registry().timestamp_backend("CMS_TSP")
>>> query = backend.build_query(b"the value of Signature", TimestampQuery())
>>> query[:1].hex()
'30'
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.errors import PluginBroken, TimestampError
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.signature import CertifiedTime
from dcmseal.plugins import guard
from dcmseal.plugins.guard import Guard, Origin
from dcmseal.plugins.signer_backend import Secrets, check_secrets
from dcmseal.terms import MacAlgorithm


class TimestampQuery(Struct, frozen=True, kw_only=True):
    """Options of a request to a timestamp authority (RFC 3161 2.4.1)."""

    algorithm: MacAlgorithm = MacAlgorithm.SHA256
    """The hash function of the timestamp."""
    policy: str = ""
    """Object identifier of the timestamp policy; empty to let the authority choose."""
    nonce: bool = True
    """Send a nonce, which prevents the replay of an old response."""
    certificates: bool = True
    """Request the certificate of the authority."""


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """Timeout and retries for requests to a timestamp authority."""

    seconds: float = 10.0
    """Timeout of each network operation."""
    attempts: int = 3
    """Number of attempts while the authority cannot be reached."""


class TimestampResult(Struct, frozen=True, kw_only=True):
    """The result of verifying a timestamp; ``time`` is None if the timestamp certifies none."""

    findings: tuple[Finding, ...]
    """Findings of aspect TIMESTAMP; a failed or unknown one keeps the signature from being valid."""
    time: CertifiedTime | None = None


class TimestampBackend(Protocol):
    """Obtains and verifies certified timestamps of one type.

    A backend does not decide whether the authority is trusted: dcmseal evaluates its certificate afterwards.
    """

    @property
    def type(self) -> str:
        """The defined term of Certified Timestamp Type (0400,0305)."""
        ...

    @property
    def summary(self) -> str:
        """One line for the list of plugins."""
        ...

    def build_query(self, value: bytes, options: TimestampQuery) -> bytes:
        """Build the request to a timestamp authority.

        Args:
            value: The bytes to certify: the value of Signature (0400,0120).
            options: Hash function, policy and other options.

        Raises:
            UsageError: The options are invalid.
        """
        ...

    def send_query(self, url: str, query: bytes, retry_policy: RetryPolicy, secrets: Secrets) -> bytes:
        """Send a request and return the response.

        Args:
            url: The address of the authority.
            query: A request from ``build_query``.
            retry_policy: Timeout and retries.
            secrets: Asks for a password, if the authority requires one.

        Raises:
            TimestampError: The authority cannot be reached, or refuses.
            UsageError: The URL is invalid.
        """
        ...

    def accept_response(self, response: bytes, query: bytes | None) -> bytes:
        """Extract the value of Certified Timestamp (0400,0310) from a response.

        Args:
            response: The bytes that the authority sent.
            query: The request that the response has to match, if it is known.

        Raises:
            TimestampRejected: The authority refused, or the response does not match the request.
        """
        ...

    def verify(self, timestamp: bytes, values: Sequence[bytes], certificates: Sequence[bytes]) -> TimestampResult:
        """Verify a timestamp; every problem is a finding.

        Args:
            timestamp: The value of Certified Timestamp.
            values: The values that the timestamp may be for; it has to certify one of them.
            certificates: DER certificates that may include the authority's; none of them is trusted.
        """
        ...


_TYPE: Final = re.compile(r"[A-Z0-9_ ]{1,16}", re.ASCII)
_MAX_BYTES: Final = 1 << 20
_DER_SEQUENCE: Final = b"\x30"


class GuardedTimestampBackend:
    """A TimestampBackend that checks what the plugin returns, and raises errors of dcmseal only."""

    __slots__ = ("_backend", "_blame", "_guard", "summary", "type")

    def __init__(self, backend: TimestampBackend, origin: Origin) -> None:
        with Guard(f"a timestamp backend of {origin}", PluginBroken):
            self.type = guard.check_name(backend.type, _TYPE, "type")
            self.summary = guard.check_text(backend.summary, "summary")
            guard.check_methods(backend, "build_query", "send_query", "accept_response", "verify")
        self._backend = backend
        self._blame = f"the backend for {self.type} timestamps of {origin}"
        self._guard = Guard(self._blame, TimestampError)

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def build_query(self, value: bytes, options: TimestampQuery) -> bytes:
        with self._guard:
            return _check_bytes(self._backend.build_query(value, options), "build_query")

    def send_query(self, url: str, query: bytes, retry_policy: RetryPolicy, secrets: Secrets) -> bytes:
        with self._guard:
            return _check_bytes(
                self._backend.send_query(url, query, retry_policy, check_secrets(secrets)), "send_query"
            )

    def accept_response(self, response: bytes, query: bytes | None) -> bytes:
        with self._guard:
            return _check_bytes(self._backend.accept_response(response, query), "accept_response")

    def verify(self, timestamp: bytes, values: Sequence[bytes], certificates: Sequence[bytes]) -> TimestampResult:
        with self._guard:
            result = guard.check_instance(
                self._backend.verify(timestamp, values, certificates), TimestampResult, "verify"
            )
            findings = guard.check_tuple(result.findings, Finding, "verify")
            if any(finding.aspect is not Aspect.TIMESTAMP for finding in findings):
                raise guard.InvalidAnswer("verify returned a finding of another aspect than timestamp")
            failed = any(finding.outcome is Outcome.FAILED for finding in findings)
            if result.time is None:
                return result
            time = guard.check_instance(result.time, CertifiedTime, "verify")
            if time.moment.tzinfo is None or not time.authority.startswith(_DER_SEQUENCE):
                raise guard.InvalidAnswer(
                    "verify returned a time without offset from UTC, or without a DER certificate"
                )
            # a timestamp with a failed finding certifies nothing, even if the plugin returns a time
            return replace(result, time=None) if failed else result


def _check_bytes(value: object, what: str) -> bytes:
    data = guard.check_instance(value, bytes, what)
    if 1 <= len(data) <= _MAX_BYTES:
        return data
    raise guard.InvalidAnswer(f"{what} did not return 1 to {_MAX_BYTES} bytes")
