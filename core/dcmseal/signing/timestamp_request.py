"""Getting a certified timestamp for a signature: authorities are asked in turn, and no answer is taken on trust."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, TypeVar
from urllib.parse import urlsplit

from dcmseal.errors import CertificateNotValid, TimestampError, TimestampRejected, UsageError
from dcmseal.findings import Finding, Outcome
from dcmseal.macro.signer_certificate import Certificate, read_certificate
from dcmseal.model.signature import CertifiedTime, DigitalSignature
from dcmseal.plugins.registry import Registry, installed_registry
from dcmseal.plugins.signer_backend import SecretRequest, Secrets
from dcmseal.plugins.timestamp_backend import RetryPolicy, TimestampBackend, TimestampQuery
from dcmseal.signing.warnings import SigningWarning, timestamp_warnings
from dcmseal.terms import TimestampType
from dcmseal.verification.timestamp_checks import (
    TimestampContext,
    TimestampVerification,
    timestamped_values,
    verify_timestamp,
)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampingResult:
    """A signature that has a timestamp now, and the file with it if no output was named."""

    signature: DigitalSignature
    verification: TimestampVerification
    data: bytes | None = field(repr=False)

    @property
    def uid(self) -> str:
        """Digital Signature UID."""
        return self.signature.uid

    @property
    def time(self) -> CertifiedTime | None:
        """The certified time; None if the timestamp could not be verified, of which ``warnings`` say why."""
        return self.verification.time

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found out about the timestamp; none of it failed."""
        return (*self.verification.findings, *self.verification.authority_findings)

    @property
    def warnings(self) -> tuple[SigningWarning, ...]:
        """Why verification will not accept the timestamp, if so."""
        return tuple(timestamp_warnings(self.verification))


T = TypeVar("T")


def _no_secrets(_: SecretRequest) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampRequest:
    """Whom to ask for a timestamp, and for what."""

    urls: tuple[str, ...]
    """Authorities; the next one is asked when one cannot be reached, or refuses."""
    query: TimestampQuery = TimestampQuery()
    retry_policy: RetryPolicy = RetryPolicy()
    secrets: Secrets = field(default=_no_secrets, repr=False)
    """Answers with ``USER:PASSWORD`` when an authority wants to know who asks."""
    backoff: AuthorityBackoff = field(default_factory=AuthorityBackoff, repr=False, compare=False)
    """Of authorities, remembered by those who sign several files with one wish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampedSignature:
    """A signature with its timestamp, and what verification says about that."""

    signature: DigitalSignature
    result: TimestampVerification


def to_timestamp_request(timestamp: str | Iterable[str] | TimestampRequest) -> TimestampRequest:
    """A wish that may be given as URL, or as several; raises UsageError if there is none."""
    if isinstance(timestamp, TimestampRequest):
        wish = timestamp
    else:
        wish = TimestampRequest(urls=(timestamp,) if isinstance(timestamp, str) else tuple(timestamp))
    if not wish.urls:
        raise UsageError("no timestamp authority is named", hint="name the URL of one, or of several")
    return wish


def build_query(signature: DigitalSignature, query_options: TimestampQuery, registry: Registry | None = None) -> bytes:
    """What an authority is to be sent; raises UsageError, or PluginError if no plugin knows how that is written."""
    return _find_backend(registry).build_query(
        timestamped_values(signature, read_signer_certificate(signature))[0], query_options
    )


def request_timestamp(
    signature: DigitalSignature, request: TimestampRequest, registry: Registry | None = None
) -> TimestampedSignature:
    """Ask authorities in turn until one gives a timestamp that is sound.

    Raises UsageError, PluginError, or TimestampError with what each of them said.
    """
    backend = _find_backend(registry)

    def ask(url: str) -> TimestampedSignature:
        query = build_query(signature, request.query, registry)
        return accept_response(
            signature, backend.send_query(url, query, request.retry_policy, request.secrets), query, registry
        )

    return try_authorities(request, ask)


def try_authorities(request: TimestampRequest, ask: Callable[[str], T]) -> T:
    """What the first of the authorities gives that does not fail; each is to get a nonce of its own.

    One that gave no answer is left out for a while, so that not every file of many waits for it. Raises TimestampError
    with what each of them said.
    """
    errors: list[tuple[str, TimestampError]] = []
    for url in request.urls:
        try:
            request.backoff.check(url)
            return ask(url)
        except TimestampRejected as error:
            errors.append((url, error))
        except TimestampError as error:
            request.backoff.record_failure(url)
            errors.append((url, error))
    if len(errors) == 1:
        raise errors[0][1]
    told = "; ".join(f"{urlsplit(url).hostname}: {error}" for url, error in errors)
    raise TimestampError(f"no authority gave a timestamp: {told}", hint=errors[-1][1].hint)


def accept_response(
    signature: DigitalSignature, response: bytes, query: bytes | None, registry: Registry | None = None
) -> TimestampedSignature:
    """The signature with the timestamp of a response, which is verified first; raises TimestampError or its kinds."""
    backend = _find_backend(registry)
    token = backend.accept_response(response, query)
    stamped = replace(signature, timestamp_type=backend.type, timestamp=token)
    question = TimestampContext(backend=lambda _: backend)
    answer = verify_timestamp(stamped, read_signer_certificate(signature), question, datetime.now(UTC))
    failed = tuple(finding for finding in answer.findings if finding.outcome is Outcome.FAILED)
    if failed:
        raise TimestampRejected(
            failed[0].message, failed, hint="nothing was written: ask another authority, or look at clocks and files"
        )
    return TimestampedSignature(signature=stamped, result=answer)


def read_signer_certificate(signature: DigitalSignature) -> Certificate | None:
    """The signer's certificate, if it can be read."""
    with suppress(CertificateNotValid):
        return read_certificate(signature.certificate)
    return None


def _find_backend(registry: Registry | None) -> TimestampBackend:
    """PS3.15 C.1 knows one kind."""
    return (registry or installed_registry()).timestamp_backend(TimestampType.CMS_TSP)
