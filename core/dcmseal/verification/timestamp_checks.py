"""Certified timestamps, verified: what was certified, when, and whether that fits the signature (PS3.15 C.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from dcmseal.errors import CertificateNotValid, PluginError, TimestampError
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.macro.signer_certificate import Certificate, strip_der_padding
from dcmseal.model.signature import CertifiedTime, DigitalSignature
from dcmseal.plugins.registry_provider import no_plugins
from dcmseal.terms import KeyType, TimestampType
from dcmseal.verification.certificate_validity import CLOCK_SKEW
from dcmseal.verification.verification_options import TimestampMode

if TYPE_CHECKING:
    from dcmseal.plugins.timestamp_backend import TimestampBackend

_TIMESTAMP_CLAUSE: Final = "PS3.3 C.12.1.1.3.1.3"
_SIGNING_CLAUSE: Final = "PS3.15 C.1"
_TST_INFO_CLAUSE: Final = "RFC 3161 2.4.2"
_MAX_ACCURACY: Final = timedelta(hours=1)
"""A time that is known less exactly proves little."""


def find_no_backend(type_: str) -> TimestampBackend:
    """Find no timestamp backend; raises PluginError."""
    return no_plugins().timestamp_backend(type_)


def unevaluated_authority_findings(_: CertifiedTime) -> tuple[Finding, ...]:
    """What is said of an authority as long as no trust source judges it."""
    message = "no trust anchor is configured for the timestamp authority"
    return (_finding(Outcome.UNKNOWN, "tsa-trust-unknown", message, _SIGNING_CLAUSE),)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampContext:
    """How timestamps are verified, and with what."""

    mode: TimestampMode = TimestampMode.VERIFY
    certificates: tuple[bytes, ...] = ()
    """DER certificates of authorities, for timestamps that come without; not trusted."""
    backend: Callable[[str], TimestampBackend] = find_no_backend
    """Finds the backend for a Certified Timestamp Type; raises PluginError."""
    evaluate_authority: Callable[[CertifiedTime], tuple[Finding, ...]] = unevaluated_authority_findings
    """Judges whether the authority of a certified time is trusted."""
    weak_outcome: Outcome = Outcome.UNKNOWN
    """Of a finding that a timestamp is weak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampVerification:
    """What there is to say about the timestamp of a signature."""

    findings: tuple[Finding, ...] = ()
    time: CertifiedTime | None = None
    """None if no time is certified."""
    authority_findings: tuple[Finding, ...] = ()
    """Findings about trust in the authority."""

    @property
    def is_verified(self) -> bool:
        """Whether all that was found out passed, but for trust in the authority."""
        return self.time is not None and all(each.outcome is Outcome.PASSED for each in self.findings)

    @property
    def is_authority_trusted(self) -> bool:
        """Whether the authority is trusted."""
        return {each.outcome for each in self.authority_findings} - {Outcome.NOT_CHECKED} == {Outcome.PASSED}

    @property
    def trusted_moment(self) -> datetime | None:
        """The certified time, if the timestamp was verified and its authority is trusted."""
        return self.time.moment if self.time and self.is_verified and self.is_authority_trusted else None


NO_TIMESTAMP: Final = TimestampVerification()


class TimestampChecker:
    """Judges the timestamps of the signatures of a Data Set, and remembers which of those required are not there."""

    def __init__(self, context: TimestampContext, *, uid: str | None, integrity_only: bool) -> None:
        """``uid`` is that of the one signature that is asked about, None for all."""
        self._uid = uid
        self._question = context
        self._integrity_only = integrity_only
        self._unmet: list[Finding] = []

    def ignores(self, signature: DigitalSignature) -> bool:
        """Whether the signature has a timestamp that is not to be verified."""
        is_ignored = self._question.mode is TimestampMode.IGNORE
        return is_ignored and bool(signature.timestamp or signature.timestamp_type)

    def verify(
        self, signature: DigitalSignature, certificate: Certificate | None, now: datetime
    ) -> TimestampVerification:
        """What there is to say about the timestamp of a signature at the moment ``now``."""
        rule = self._question.mode
        if not (signature.timestamp or signature.timestamp_type):
            answer = NO_TIMESTAMP
        else:
            answer = verify_timestamp(signature, certificate, self._question, now)
        if rule is TimestampMode.REQUIRE and self._uid in (None, signature.uid):
            self._unmet.extend(self._requirement_findings(signature, answer))
        return answer

    def unmet_findings(self) -> tuple[Finding, ...]:
        """What is required and not there, or not established."""
        return tuple(self._unmet)

    def _requirement_findings(self, signature: DigitalSignature, result: TimestampVerification) -> Iterator[Finding]:
        if not result.findings:
            message = "the signature has no certified timestamp"
            yield _finding(Outcome.FAILED, "timestamp-absent", message, _TIMESTAMP_CLAUSE, signature.uid)
        elif not result.is_verified or not (self._integrity_only or result.is_authority_trusted):
            message = "it is not established that the signature has a valid timestamp"
            yield _finding(Outcome.UNKNOWN, "timestamp-not-established", message, _TIMESTAMP_CLAUSE, signature.uid)


def verify_timestamp(
    signature: DigitalSignature, certificate: Certificate | None, context: TimestampContext, now: datetime
) -> TimestampVerification:
    """Verify the timestamp that a signature has, at the moment ``now``."""
    if not signature.timestamp:
        message = "the timestamp is missing or too long, although its type is present"
        return TimestampVerification(
            findings=(_finding(Outcome.UNKNOWN, "timestamp-empty", message, _TIMESTAMP_CLAUSE),)
        )
    try:
        backend = context.backend(signature.timestamp_type)
        judgement = backend.verify(
            signature.timestamp, timestamped_values(signature, certificate), context.certificates
        )
    except (PluginError, TimestampError) as error:
        message = f"the timestamp cannot be verified: {error}"
        return TimestampVerification(
            findings=(_finding(Outcome.UNKNOWN, "timestamp-not-verifiable", message, _TIMESTAMP_CLAUSE),)
        )
    found = tuple(
        replace(each, outcome=context.weak_outcome) if each.code == "timestamp-weak" else each
        for each in judgement.findings
    )
    if judgement.time is None:
        return TimestampVerification(findings=found)
    findings = (*found, *_time_findings(judgement.time, signature, certificate, now))
    is_future = any(finding.code == "timestamp-in-future" for finding in findings)
    if is_future or any(finding.outcome is Outcome.FAILED for finding in findings):
        return TimestampVerification(findings=findings)
    return TimestampVerification(
        findings=findings, time=judgement.time, authority_findings=context.evaluate_authority(judgement.time)
    )


def profile_timestamp_type(signature: DigitalSignature, result: TimestampVerification) -> str:
    """The Certified Timestamp Type that profiles go by; empty for that of PS3.15 C.1 if nothing is certified.

    Other types are for the profiles to judge.
    """
    certifies_nothing = result.time is None and bool(result.findings)
    is_known = signature.timestamp_type == TimestampType.CMS_TSP
    return "" if certifies_nothing and is_known else signature.timestamp_type


def timestamped_values(signature: DigitalSignature, certificate: Certificate | None) -> tuple[bytes, ...]:
    """What a timestamp may have been made for, the likeliest first: the value without padding, and as it is stored."""
    value = signature.value
    bare = value
    if certificate is not None and certificate.key_type is KeyType.RSA:
        bare = value[: (certificate.key_bits + 7) // 8]
    else:
        with suppress(CertificateNotValid):
            bare = strip_der_padding(value)
    padding = value[len(bare) :]
    return (bare, value) if padding == b"\0" else (value,)


def _time_findings(
    time: CertifiedTime, signature: DigitalSignature, certificate: Certificate | None, now: datetime
) -> Iterator[Finding]:
    # certificates count whole seconds
    second = time.moment.replace(microsecond=0)
    if certificate is None:
        pass
    elif second < certificate.not_before:
        message = f"the certified time {second.isoformat()} is before the signer's certificate became valid"
        yield _finding(Outcome.FAILED, "timestamp-before-certificate", message, _SIGNING_CLAUSE)
    elif second > certificate.not_after:
        message = f"the certified time {second.isoformat()} is after the signer's certificate expired"
        yield _finding(Outcome.FAILED, "timestamp-after-expiry", message, _SIGNING_CLAUSE)
    else:
        message = "the signer's certificate was valid at the certified time"
        yield _finding(Outcome.PASSED, "timestamp-in-time", message, _SIGNING_CLAUSE)
    accuracy = time.accuracy or timedelta()
    margin = CLOCK_SKEW + min(accuracy, CLOCK_SKEW)
    if signature.moment is not None and signature.moment - time.moment > margin:
        message = f"the claimed signing time {signature.moment.isoformat()} is later than the certified time"
        yield _finding(Outcome.FAILED, "timestamp-before-signing", message, _TIMESTAMP_CLAUSE)
    if accuracy > _MAX_ACCURACY:
        message = f"the authority's time is accurate only to {accuracy}, which proves too little"
        yield _finding(Outcome.UNKNOWN, "timestamp-inaccurate", message, _TST_INFO_CLAUSE)
    if time.moment - now > margin:
        message = (
            f"the certified time {second.isoformat()} is in the future:"
            f" the verifier's clock says {now.isoformat('T', 'seconds')}"
        )
        yield _finding(Outcome.UNKNOWN, "timestamp-in-future", message, _TIMESTAMP_CLAUSE)


def _finding(outcome: Outcome, code: str, message: str, clause: str, where: str = "") -> Finding:
    return Finding(aspect=Aspect.TIMESTAMP, outcome=outcome, code=code, message=message, where=where, clause=clause)


TIMESTAMP_IGNORED: Final = _finding(
    Outcome.NOT_CHECKED,
    "timestamp-ignored",
    "the certified timestamp was not verified, as requested",
    _TIMESTAMP_CLAUSE,
)
