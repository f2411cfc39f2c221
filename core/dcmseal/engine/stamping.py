"""Getting a certified timestamp for a signature: authorities are asked in turn, and no answer is taken on trust."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit

from dcmseal.engine.certificate import Certificate, read_certificate
from dcmseal.engine.silence import Silence
from dcmseal.engine.timestamps import TimestampAnswer, TimestampQuestion, stamped_values, timestamp_answer
from dcmseal.errors import CertificateNotValid, TimestampError, TimestampRejected, UsageError
from dcmseal.model import DigitalSignature
from dcmseal.plugins.protocols import SecretRequest, Secrets
from dcmseal.plugins.registry import Registry, installed
from dcmseal.plugins.timestamping import Patience, QueryWish, TimestampBackend
from dcmseal.report import Outcome
from dcmseal.terms import TimestampType

T = TypeVar("T")


def _no_secrets(_: SecretRequest) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampWish:
    """Whom to ask for a timestamp, and for what."""

    urls: tuple[str, ...]
    """Authorities; the next one is asked when one cannot be reached, or refuses."""
    query: QueryWish = QueryWish()
    retry_policy: Patience = Patience()
    secrets: Secrets = field(default=_no_secrets, repr=False)
    """Answers with ``USER:PASSWORD`` when an authority wants to know who asks."""
    backoff: Silence = field(default_factory=Silence, repr=False, compare=False)
    """Of authorities, remembered by those who sign several files with one wish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """A signature with its timestamp, and what verification says about that."""

    signature: DigitalSignature
    result: TimestampAnswer


def wish_of(timestamp: str | Iterable[str] | TimestampWish) -> TimestampWish:
    """A wish that may be given as URL, or as several; raises UsageError if there is none."""
    if isinstance(timestamp, TimestampWish):
        wish = timestamp
    else:
        wish = TimestampWish(urls=(timestamp,) if isinstance(timestamp, str) else tuple(timestamp))
    if not wish.urls:
        raise UsageError("no timestamp authority is named", hint="name the URL of one, or of several")
    return wish


def query_for(signature: DigitalSignature, query_options: QueryWish, registry: Registry | None = None) -> bytes:
    """What an authority is to be sent; raises UsageError, or PluginError if no plugin knows how that is written."""
    return _backend(registry).build_query(stamped_values(signature, certificate_of(signature))[0], query_options)


def stamp(signature: DigitalSignature, request: TimestampWish, registry: Registry | None = None) -> Stamped:
    """Ask authorities in turn until one gives a timestamp that is sound.

    Raises UsageError, PluginError, or TimestampError with what each of them said.
    """
    backend = _backend(registry)

    def ask(url: str) -> Stamped:
        query = query_for(signature, request.query, registry)
        return stamped_with(
            signature, backend.send_query(url, query, request.retry_policy, request.secrets), query, registry
        )

    return in_turn(request, ask)


def in_turn(request: TimestampWish, ask: Callable[[str], T]) -> T:
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


def stamped_with(
    signature: DigitalSignature, response: bytes, query: bytes | None, registry: Registry | None = None
) -> Stamped:
    """The signature with the timestamp of a response, which is verified first; raises TimestampError or its kinds."""
    backend = _backend(registry)
    token = backend.accept_response(response, query)
    stamped = replace(signature, timestamp_type=backend.type, timestamp=token)
    question = TimestampQuestion(backend=lambda _: backend)
    answer = timestamp_answer(stamped, certificate_of(signature), question, datetime.now(UTC))
    failed = tuple(finding for finding in answer.findings if finding.outcome is Outcome.FAILED)
    if failed:
        raise TimestampRejected(
            failed[0].message, failed, hint="nothing was written: ask another authority, or look at clocks and files"
        )
    return Stamped(signature=stamped, result=answer)


def certificate_of(signature: DigitalSignature) -> Certificate | None:
    """The signer's certificate, if it can be read."""
    with suppress(CertificateNotValid):
        return read_certificate(signature.certificate)
    return None


def _backend(registry: Registry | None) -> TimestampBackend:
    """PS3.15 C.1 knows one kind."""
    return (registry or installed()).timestamp_backend(TimestampType.CMS_TSP)
