"""Evaluate trust in signers and timestamp authorities, with trust settings that are loaded once.

>>> from dcmseal import open_trust, verify
>>> from dcmseal.plugins.trust import TrustSettings
>>> trust = open_trust(TrustSettings(anchors=("authority.cert.pem",)))
>>> verify("signed.dcm", trust=trust).verdict
<Verdict.VALID: 'valid'>
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.report import SignerTrust, TimeBasis
from dcmseal.model.signature import CertifiedTime, DigitalSignature
from dcmseal.plugins.trust import TrustEvaluator, TrustPurpose, TrustRequest, TrustResult, TrustSettings
from dcmseal.representation import format_fields

if TYPE_CHECKING:
    from dcmseal.plugins.registry import Registry


class Trust(Struct, frozen=True, kw_only=True):
    """Loaded trust settings for any number of verifications, which share cached results."""

    settings: TrustSettings
    evaluator: TrustEvaluator
    on_result: Callable[[TrustResult], object] | None = None
    """Called with every result, which then includes the material that it is based on."""

    @classmethod
    def open(cls, settings: TrustSettings, registry: Registry) -> Trust:
        """Load trust settings and the files that they name.

        Args:
            settings: The settings.
            registry: The plugins.

        Raises:
            TrustError: A file cannot be read.
            UsageError: The settings contradict each other.
            PluginError: No plugin supports the settings.
        """
        return cls(settings=settings, evaluator=registry.trust_backend(settings.scheme).open(settings))

    def evaluate_signer(
        self, signature: DigitalSignature, certificate: bytes, certified: dt.datetime | None = None
    ) -> tuple[tuple[Finding, ...], SignerTrust]:
        """Evaluate trust in a signer.

        Args:
            signature: The signature.
            certificate: The signer's certificate in DER.
            certified: The time of a verified timestamp; None to evaluate trust at the claimed signing time, or now if
                it cannot be read.

        Returns:
            Findings of aspect TRUST, and the time and certificate chain that they are based on.

        Raises:
            TrustError: The backend fails.
        """
        now = self.settings.now or dt.datetime.now(dt.UTC)
        moment, basis = _select_moment(signature, certified, now)
        result = self._evaluate(TrustRequest(certificate=certificate, moment=moment, basis=basis, now=now))
        return result.findings, SignerTrust(moment=moment, basis=basis, chain=result.chain)

    def evaluate_authority(self, time: CertifiedTime) -> tuple[Finding, ...]:
        """Evaluate trust in a timestamp authority.

        The time counts only as a claim of the authority. With the key of an authority that expired, or was revoked
        because the key was compromised, an attacker can certify any time.

        Args:
            time: The certified time.

        Returns:
            Findings of aspect TIMESTAMP; the first one states whether the authority is trusted.

        Raises:
            TrustError: The backend fails.
        """
        result = self._evaluate(
            TrustRequest(
                certificate=time.authority,
                moment=time.moment,
                basis=TimeBasis.CLAIMED,
                now=self.settings.now or dt.datetime.now(dt.UTC),
                purpose=TrustPurpose.TIMESTAMPING,
                other_certificates=time.others,
            )
        )
        return (_judge_authority(result), *_ignored_findings(result))

    def _evaluate(self, request: TrustRequest) -> TrustResult:
        if self.on_result is None:
            return self.evaluator.evaluate(request)
        result = self.evaluator.evaluate(replace(request, collect_material=True))
        self.on_result(result)
        return result

    def __repr__(self) -> str:
        return format_fields(self, hidden=("on_result",))


def _judge_authority(result: TrustResult) -> Finding:
    outcomes = {finding.outcome for finding in result.findings}
    if any(each.outcome is Outcome.FAILED and each.code == "revoked" for each in result.findings):
        return _authority_finding(Outcome.FAILED, "tsa-revoked", _format_reasons(result, Outcome.FAILED))
    if Outcome.FAILED in outcomes:
        return _authority_finding(Outcome.FAILED, "tsa-untrusted", _format_reasons(result, Outcome.FAILED))
    if outcomes - {Outcome.NOT_CHECKED} != {Outcome.PASSED}:
        reasons = _format_reasons(result, Outcome.UNKNOWN)
        return _authority_finding(Outcome.UNKNOWN, "tsa-trust-not-established", reasons)
    return _authority_finding(Outcome.PASSED, "tsa-trusted", "its certificate leads to a trust anchor")


def _ignored_findings(result: TrustResult) -> Iterator[Finding]:
    for each in result.findings:
        if each.code == "certificates-ignored":
            yield _authority_finding(Outcome.NOT_CHECKED, "tsa-certificates-ignored", each.message)


def _format_reasons(result: TrustResult, outcome: Outcome) -> str:
    return "; ".join(each.message for each in result.findings if each.outcome is outcome)


def _authority_finding(outcome: Outcome, code: str, message: str) -> Finding:
    text = f"timestamp authority: {message}"
    return Finding(aspect=Aspect.TIMESTAMP, outcome=outcome, code=code, message=text, clause="RFC 3161 2.3")


def _select_moment(
    signature: DigitalSignature, certified: dt.datetime | None, now: dt.datetime
) -> tuple[dt.datetime, TimeBasis]:
    if certified is not None:
        return certified, TimeBasis.CERTIFIED
    claimed = signature.moment
    try:
        return (now, TimeBasis.NOW) if claimed is None else (claimed.astimezone(dt.UTC), TimeBasis.CLAIMED)
    except OverflowError:  # in UTC, it is outside the years 1 to 9999
        return now, TimeBasis.NOW
