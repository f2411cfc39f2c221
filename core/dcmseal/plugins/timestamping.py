"""What a plugin for certified timestamps implements (PS3.3 C.12.1.1.3.1.3): one Certified Timestamp Type each.

>>> from dcmseal.plugins.registry import installed
>>> backend = installed().timestamp_backend("CMS_TSP")
>>> query = backend.query(b"the value of Signature", QueryWish())
>>> query[:1].hex()
'30'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dcmseal.findings import Finding
from dcmseal.model import CertifiedTime
from dcmseal.plugins.guarded_signer import Secrets
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
