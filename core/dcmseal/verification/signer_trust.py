"""Trust in the signer of each signature: settings made ready once, the moment chosen, the answer as findings.

>>> from dcmseal import open_trust, verify
>>> from dcmseal.plugins.trust import TrustSettings
>>> trust = open_trust(TrustSettings(anchors=("authority.cert.pem",)))
>>> verify("signed.dcm", trust=trust).verdict
<Verdict.VALID: 'valid'>
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.report import SignerTrust, TimeBasis
from dcmseal.model.signature import CertifiedTime, DigitalSignature
from dcmseal.plugins.trust import TrustEvaluator, TrustPurpose, TrustRequest, TrustResult, TrustSettings

if TYPE_CHECKING:
    from dcmseal.plugins.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Trust settings made ready, for any number of verifications: what was found out once is remembered."""

    settings: TrustSettings
    evaluator: TrustEvaluator
    on_answer: Callable[[TrustResult], object] | None = field(default=None, repr=False)
    """Is passed every answer, which then comes with its material."""

    @classmethod
    def open(cls, settings: TrustSettings, registry: Registry) -> Trust:
        """Read the files that the settings name.

        Args:
            settings: Which signers to trust.
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
        """Findings of aspect TRUST about the signer's certificate, in DER, and what they rest upon.

        It counts what held at the ``certified`` time of a timestamp that was verified, else at the claimed time of
        signing, else now. Raises TrustError if the backend fails.
        """
        now = self.settings.now or dt.datetime.now(dt.UTC)
        moment, basis = _select_moment(signature, certified, now)
        answer = self._evaluate(TrustRequest(certificate=certificate, moment=moment, basis=basis, now=now))
        return answer.findings, SignerTrust(moment=moment, basis=basis, chain=answer.chain)

    def evaluate_authority(self, time: CertifiedTime) -> tuple[Finding, ...]:
        """Whether the authority of a certified time is trusted: findings of aspect TIMESTAMP, its verdict first.

        The time is only a claim of the authority: somebody who has the key of an authority that expired, or was
        revoked because its key may not be safe, can certify any time.

        Raises:
            TrustError: if the backend fails.
        """
        answer = self._evaluate(
            TrustRequest(
                certificate=time.authority,
                moment=time.moment,
                basis=TimeBasis.CLAIMED,
                now=self.settings.now or dt.datetime.now(dt.UTC),
                purpose=TrustPurpose.TIMESTAMPING,
                other_certificates=time.others,
            )
        )
        return (_judge_authority(answer), *_ignored_findings(answer))

    def _evaluate(self, question: TrustRequest) -> TrustResult:
        if self.on_answer is None:
            return self.evaluator.evaluate(question)
        answer = self.evaluator.evaluate(replace(question, collect_material=True))
        self.on_answer(answer)
        return answer


def _judge_authority(answer: TrustResult) -> Finding:
    outcomes = {finding.outcome for finding in answer.findings}
    if any(each.outcome is Outcome.FAILED and each.code == "revoked" for each in answer.findings):
        return _authority_finding(Outcome.FAILED, "tsa-revoked", _format_reasons(answer, Outcome.FAILED))
    if Outcome.FAILED in outcomes:
        return _authority_finding(Outcome.FAILED, "tsa-untrusted", _format_reasons(answer, Outcome.FAILED))
    if outcomes - {Outcome.NOT_CHECKED} != {Outcome.PASSED}:
        reasons = _format_reasons(answer, Outcome.UNKNOWN)
        return _authority_finding(Outcome.UNKNOWN, "tsa-trust-not-established", reasons)
    return _authority_finding(Outcome.PASSED, "tsa-trusted", "its certificate leads to a trust anchor")


def _ignored_findings(answer: TrustResult) -> Iterator[Finding]:
    for each in answer.findings:
        if each.code == "certificates-ignored":
            yield _authority_finding(Outcome.NOT_CHECKED, "tsa-certificates-ignored", each.message)


def _format_reasons(answer: TrustResult, outcome: Outcome) -> str:
    return "; ".join(each.message for each in answer.findings if each.outcome is outcome)


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
    except OverflowError:  # its UTC lies outside the years 1 to 9999
        return now, TimeBasis.NOW
