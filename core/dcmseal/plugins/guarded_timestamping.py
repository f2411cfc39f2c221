"""Timestamp backends of plugins behind a guard: bounded bytes, findings about timestamps only, no foreign error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from dcmseal.errors import PluginBroken, TimestampError
from dcmseal.model import CertifiedTime
from dcmseal.plugins import answers
from dcmseal.plugins.guarded_signer import textual
from dcmseal.plugins.loading import Origin
from dcmseal.plugins.protocols import Secrets
from dcmseal.plugins.timestamping import Patience, QueryWish, TimestampBackend, TimestampJudgement
from dcmseal.report import Aspect, Finding, Outcome

_TYPE: Final = re.compile(r"[A-Z0-9_ ]{1,16}", re.ASCII)
_MOST_BYTES: Final = 1 << 20
_DER_SEQUENCE: Final = b"\x30"


class GuardedTimestamps:
    """A TimestampBackend whose answers are what they ought to be."""

    __slots__ = ("_backend", "_blame", "summary", "type")

    def __init__(self, backend: TimestampBackend, origin: Origin) -> None:
        """Raise PluginBroken if ``backend`` is none."""
        with answers.guarded(f"a timestamp backend of {origin}", PluginBroken):
            self.type = answers.name(backend.type, _TYPE, "type")
            self.summary = answers.text(backend.summary, "summary")
            answers.methods(backend, "query", "ask", "accept", "judge")
        self._backend = backend
        self._blame = f"the backend for {self.type} timestamps of {origin}"

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def build_query(self, value: bytes, options: QueryWish) -> bytes:
        """What is sent to an authority; raises UsageError or TimestampError."""
        with answers.guarded(self._blame, TimestampError):
            return _some_bytes(self._backend.build_query(value, options), "query")

    def send_query(self, url: str, query: bytes, retry_policy: Patience, secrets: Secrets) -> bytes:
        """The response of an authority; raises TimestampError or UsageError."""
        with answers.guarded(self._blame, TimestampError):
            return _some_bytes(self._backend.send_query(url, query, retry_policy, textual(secrets)), "ask")

    def accept_response(self, response: bytes, query: bytes | None) -> bytes:
        """The value of Certified Timestamp in a response; raises TimestampError or one of its kinds."""
        with answers.guarded(self._blame, TimestampError):
            return _some_bytes(self._backend.accept_response(response, query), "accept")

    def verify(self, timestamp: bytes, values: Sequence[bytes], certificates: Sequence[bytes]) -> TimestampJudgement:
        """What was found out about a timestamp; raises TimestampError."""
        with answers.guarded(self._blame, TimestampError):
            judgement = answers.one_of(
                self._backend.verify(timestamp, values, certificates), TimestampJudgement, "judge"
            )
            findings = answers.tuple_of(judgement.findings, Finding, "judge")
            if any(finding.aspect is not Aspect.TIMESTAMP for finding in findings):
                raise answers.Nonsense("judge speaks of another aspect than timestamp")
            failed = any(finding.outcome is Outcome.FAILED for finding in findings)
            if judgement.time is None:
                return judgement
            time = answers.one_of(judgement.time, CertifiedTime, "judge")
            if time.moment.tzinfo is None or not time.authority.startswith(_DER_SEQUENCE):
                raise answers.Nonsense("judge gave a time without offset from UTC, or without a DER certificate")
            # what failed certifies nothing, whatever else the plugin says
            return replace(judgement, time=None) if failed else judgement


def _some_bytes(value: object, what: str) -> bytes:
    data = answers.one_of(value, bytes, what)
    if 1 <= len(data) <= _MOST_BYTES:
        return data
    raise answers.Nonsense(f"{what} did not give 1 to {_MOST_BYTES} bytes")
