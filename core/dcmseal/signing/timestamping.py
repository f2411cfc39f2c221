"""Request a certified timestamp for a signature from one of several authorities, and verify it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.errors import CertificateNotValid, TimestampError, TimestampRejected
from dcmseal.findings import Finding, Outcome
from dcmseal.macro.signer_certificate import Certificate, read_certificate
from dcmseal.model.signature import CertifiedTime, DigitalSignature
from dcmseal.plugins.registry_provider import RegistryProvider
from dcmseal.plugins.timestamp_backend import TimestampBackend, TimestampQuery
from dcmseal.representation import format_fields
from dcmseal.signing.timestamp_request import TimestampRequest
from dcmseal.signing.warnings import SigningWarning, timestamp_warnings
from dcmseal.terms import TimestampType
from dcmseal.verification.timestamp_checks import (
    TimestampContext,
    TimestampVerification,
    timestamped_values,
    verify_timestamp,
)


class TimestampingResult(Struct, frozen=True, kw_only=True):
    """A signature with its new timestamp, and the file if no output was given."""

    signature: DigitalSignature
    verification: TimestampVerification
    data: bytes | None

    @property
    def uid(self) -> str:
        """Digital Signature UID."""
        return self.signature.uid

    @property
    def time(self) -> CertifiedTime | None:
        """The certified time; None if the timestamp could not be verified, see ``warnings``."""
        return self.verification.time

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings about the timestamp; none of them failed."""
        return (*self.verification.findings, *self.verification.authority_findings)

    @property
    def warnings(self) -> tuple[SigningWarning, ...]:
        """Why verification will not accept the timestamp, if it will not."""
        return tuple(timestamp_warnings(self.verification))

    def __repr__(self) -> str:
        return format_fields(self, hidden=("data",))


T = TypeVar("T")


class TimestampedSignature(Struct, frozen=True, kw_only=True):
    """A signature with its timestamp, and the verification of the timestamp."""

    signature: DigitalSignature
    result: TimestampVerification


def build_query(signature: DigitalSignature, query_options: TimestampQuery, registry: RegistryProvider) -> bytes:
    """Build the query for a timestamp authority.

    Args:
        signature: The signature to timestamp.
        query_options: The options of the query.
        registry: Returns the plugins.

    Returns:
        The query, as it is sent.

    Raises:
        UsageError: The options are invalid.
        PluginError: No plugin supports this type of timestamp.
    """
    return _find_backend(registry).build_query(
        timestamped_values(signature, read_signer_certificate(signature))[0], query_options
    )


def request_timestamp(
    signature: DigitalSignature, request: TimestampRequest, registry: RegistryProvider
) -> TimestampedSignature:
    """Request a timestamp from each authority in turn, until one returns a valid timestamp.

    Args:
        signature: The signature to timestamp.
        request: The authorities, and the options of the query.
        registry: Returns the plugins.

    Returns:
        The signature with its timestamp.

    Raises:
        TimestampError: No authority returned a valid timestamp; the message has the error of each.
        UsageError: The options are invalid.
        PluginError: No plugin supports this type of timestamp.
    """
    backend = _find_backend(registry)

    def request_from(url: str) -> TimestampedSignature:
        query = build_query(signature, request.query, registry)
        return accept_response(
            signature, backend.send_query(url, query, request.retry_policy, request.secrets), query, registry
        )

    return try_authorities(request, request_from)


def try_authorities(request: TimestampRequest, request_from: Callable[[str], T]) -> T:
    """Try the authorities in turn, and return the result of the first that does not fail.

    An authority that does not respond is skipped for a while, so that a run over many files does not wait for it each
    time.

    Args:
        request: The authorities.
        request_from: Called with the URL of an authority; it should use a new nonce each time.

    Returns:
        The first result.

    Raises:
        TimestampError: All authorities failed; the message has the error of each.
    """
    errors: list[tuple[str, TimestampError]] = []
    for url in request.urls:
        try:
            request.backoff.check(url)
            return request_from(url)
        except TimestampRejected as error:
            errors.append((url, error))
        except TimestampError as error:
            request.backoff.record_failure(url)
            errors.append((url, error))
    if len(errors) == 1:
        raise errors[0][1]
    details = "; ".join(f"{urlsplit(url).hostname}: {error}" for url, error in errors)
    raise TimestampError(f"no authority returned a timestamp: {details}", hint=errors[-1][1].hint)


def accept_response(
    signature: DigitalSignature, response: bytes, query: bytes | None, registry: RegistryProvider
) -> TimestampedSignature:
    """Verify the response of an authority, and add its timestamp to the signature.

    Args:
        signature: The signature to timestamp.
        response: The response, as it was received.
        query: The query, to compare with; None to skip that.
        registry: Returns the plugins.

    Returns:
        The signature with its timestamp.

    Raises:
        TimestampError: The response cannot be parsed, or the subclass that says why.
        TimestampRejected: The timestamp is invalid.
        PluginError: No plugin supports this type of timestamp.
    """
    backend = _find_backend(registry)
    token = backend.accept_response(response, query)
    timestamped = replace(signature, timestamp_type=backend.type, timestamp=token)
    context = TimestampContext(backend=lambda _: backend)
    result = verify_timestamp(timestamped, read_signer_certificate(signature), context, datetime.now(UTC))
    failed = tuple(finding for finding in result.findings if finding.outcome is Outcome.FAILED)
    if failed:
        raise TimestampRejected(
            failed[0].message, failed, hint="nothing was written: try another authority, or check the clock and files"
        )
    return TimestampedSignature(signature=timestamped, result=result)


def read_signer_certificate(signature: DigitalSignature) -> Certificate | None:
    """Read the signer's certificate; None if it cannot be parsed."""
    with suppress(CertificateNotValid):
        return read_certificate(signature.certificate)
    return None


def _find_backend(registry: RegistryProvider) -> TimestampBackend:
    """Find the plugin for the only type of timestamp that PS3.15 C.1 defines."""
    return registry().timestamp_backend(TimestampType.CMS_TSP)
