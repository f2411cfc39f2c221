"""What a plugin for certified timestamps implements (PS3.3 C.12.1.1.3.1.3): one Certified Timestamp Type each.

>>> from dcmseal.plugins.registry import installed_registry
>>> backend = installed_registry().timestamp_backend("CMS_TSP")
>>> query = backend.build_query(b"the value of Signature", TimestampQuery())
>>> query[:1].hex()
'30'
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from dcmseal.errors import PluginBroken, TimestampError
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.signature import CertifiedTime
from dcmseal.plugins import guard
from dcmseal.plugins.guard import Origin
from dcmseal.plugins.signer_backend import Secrets, check_secrets
from dcmseal.terms import MacAlgorithm


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampQuery:
    """What an authority is asked for (RFC 3161 2.4.1)."""

    algorithm: MacAlgorithm = MacAlgorithm.SHA256
    """Of the digest that is certified."""
    policy: str = ""
    """Object identifier of the policy to certify under; empty for the authority's own choice."""
    nonce: bool = True
    """A number that the answer has to repeat, so that it cannot be an old one."""
    certificates: bool = True
    """The answer is to come with the authority's certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long an authority is waited for."""

    seconds: float = 10.0
    """For each step on the network."""
    attempts: int = 3
    """How often it is asked as long as it is out of reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampResult:
    """What was found out about a timestamp; ``time`` is None if it certifies none."""

    findings: tuple[Finding, ...]
    """Of aspect TIMESTAMP; one that failed or is unknown keeps the signature from being valid."""
    time: CertifiedTime | None = None


class TimestampBackend(Protocol):
    """Knows one kind of certified timestamp: how it is asked for, and what it proves.

    The authority's certificate is not held against trust anchors here: a judgement hands it over for that.
    """

    @property
    def type(self) -> str:
        """The term of Certified Timestamp Type (0400,0305)."""
        ...

    @property
    def summary(self) -> str: ...

    def build_query(self, value: bytes, options: TimestampQuery) -> bytes:
        """What is sent to an authority to have ``value`` certified; raises UsageError."""
        ...

    def send_query(self, url: str, query: bytes, retry_policy: RetryPolicy, secrets: Secrets) -> bytes:
        """Send a query and return the response; raises TimestampError, or UsageError for an URL it cannot use."""
        ...

    def accept_response(self, response: bytes, query: bytes | None) -> bytes:
        """The value of Certified Timestamp (0400,0310) in a response, which has to fit the query if there is one.

        Raises TimestampRejected.
        """
        ...

    def verify(self, timestamp: bytes, values: Sequence[bytes], certificates: Sequence[bytes]) -> TimestampResult:
        """Verify the value of Certified Timestamp against what it may have been made for.

        One of ``values`` has to be what is certified; ``certificates`` are DER certificates among which the
        authority's may be, and none of them is trusted. Anything wrong is a finding.
        """
        ...


_TYPE: Final = re.compile(r"[A-Z0-9_ ]{1,16}", re.ASCII)
_MAX_BYTES: Final = 1 << 20
_DER_SEQUENCE: Final = b"\x30"


class GuardedTimestampBackend:
    """A TimestampBackend whose answers are what they ought to be."""

    __slots__ = ("_backend", "_blame", "summary", "type")

    def __init__(self, backend: TimestampBackend, origin: Origin) -> None:
        """Raise PluginBroken if ``backend`` is none."""
        with guard.Guard(f"a timestamp backend of {origin}", PluginBroken):
            self.type = guard.check_name(backend.type, _TYPE, "type")
            self.summary = guard.check_text(backend.summary, "summary")
            guard.check_methods(backend, "build_query", "send_query", "accept_response", "verify")
        self._backend = backend
        self._blame = f"the backend for {self.type} timestamps of {origin}"

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def build_query(self, value: bytes, options: TimestampQuery) -> bytes:
        """What is sent to an authority; raises UsageError or TimestampError."""
        with guard.Guard(self._blame, TimestampError):
            return _check_bytes(self._backend.build_query(value, options), "build_query")

    def send_query(self, url: str, query: bytes, retry_policy: RetryPolicy, secrets: Secrets) -> bytes:
        """The response of an authority; raises TimestampError or UsageError."""
        with guard.Guard(self._blame, TimestampError):
            return _check_bytes(
                self._backend.send_query(url, query, retry_policy, check_secrets(secrets)), "send_query"
            )

    def accept_response(self, response: bytes, query: bytes | None) -> bytes:
        """The value of Certified Timestamp in a response; raises TimestampError or one of its kinds."""
        with guard.Guard(self._blame, TimestampError):
            return _check_bytes(self._backend.accept_response(response, query), "accept_response")

    def verify(self, timestamp: bytes, values: Sequence[bytes], certificates: Sequence[bytes]) -> TimestampResult:
        """What was found out about a timestamp; raises TimestampError."""
        with guard.Guard(self._blame, TimestampError):
            result = guard.check_instance(
                self._backend.verify(timestamp, values, certificates), TimestampResult, "verify"
            )
            findings = guard.check_tuple(result.findings, Finding, "verify")
            if any(finding.aspect is not Aspect.TIMESTAMP for finding in findings):
                raise guard.InvalidAnswer("verify speaks of another aspect than timestamp")
            failed = any(finding.outcome is Outcome.FAILED for finding in findings)
            if result.time is None:
                return result
            time = guard.check_instance(result.time, CertifiedTime, "verify")
            if time.moment.tzinfo is None or not time.authority.startswith(_DER_SEQUENCE):
                raise guard.InvalidAnswer("verify gave a time without offset from UTC, or without a DER certificate")
            # what failed certifies nothing, whatever else the plugin says
            return replace(result, time=None) if failed else result


def _check_bytes(value: object, what: str) -> bytes:
    data = guard.check_instance(value, bytes, what)
    if 1 <= len(data) <= _MAX_BYTES:
        return data
    raise guard.InvalidAnswer(f"{what} did not give 1 to {_MAX_BYTES} bytes")
