"""A verdict repeated: the verifier's own anchors and rules, the material and the moment of an evidence file.

Nobody has signed an evidence file. CRLs, OCSP responses and certificates in it are signed by those who issued them; but
an old CRL at an old moment would clear a key that was stolen since. So the moment counts only if a timestamp certifies
it that the verifier trusts today, or the verifier vouches for the file; and anchors and rules are never taken from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from dcmseal.dataset.part10 import DicomFile
from dcmseal.errors import PluginError, TimestampError, UsageError
from dcmseal.evidence.collect import compute_sha256, iter_signature_records
from dcmseal.evidence.evidence_file import Evidence
from dcmseal.evidence.evidence_settings import build_settings, differing_settings, format_setting
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.evidence_record import SignatureRecord
from dcmseal.model.report import SignatureReport
from dcmseal.model.signature import CertifiedTime
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.registry import Registry, installed_registry
from dcmseal.plugins.trust import RevocationMode, TrustSettings
from dcmseal.terms import TimestampType
from dcmseal.verification.signer_trust import Trust

if TYPE_CHECKING:
    from dcmseal.verification.context import VerificationContext
    from dcmseal.verification.report_builder import ReportBuilder

MAX_TIMESTAMP_DELAY: Final = timedelta(minutes=5)
"""So soon after the moment of verification, evidence has to be certified."""
_POE_CLAUSE: Final = "ETSI EN 319 102-1 5.2"
_TIMESTAMP_CLAUSE: Final = "RFC 3161 2.4.2"


class EvidenceReplay:
    """One verification by an evidence file."""

    def __init__(self, evidence: Evidence, trust: Trust | TrustSettings | None, registry: Registry | None) -> None:
        """Make ready; raises UsageError if nobody is trusted, and what Trust.open does."""
        own = trust.settings if isinstance(trust, Trust) else trust or TrustSettings()
        if evidence.trust_anchors:
            anchors = (*own.material.anchors, *evidence.record.material.anchors)
            trust = own = replace(own, material=replace(own.material, anchors=anchors))
        elif trust is None:
            raise UsageError(
                "a verdict is repeated by your own trust anchors, and there is none",
                hint="name those that you trust; an evidence file is no reason to trust what is in it",
            )
        self._evidence = evidence
        today = trust if isinstance(trust, Trust) else Trust.open(trust, registry)
        self._moment = _EvidenceMoment(evidence, today, registry)
        kept = replace(evidence.record.material, anchors=())
        settings = replace(
            own,
            material=own.material.merge(kept),
            now=evidence.record.moment,
            # whoever names evidence wants it to tell; what is missing in it must not pass in silence
            revocation=own.revocation or RevocationMode.HARD,
            fetch=False,
        )
        if settings.revocation is RevocationMode.OFF:
            settings = replace(settings, material=replace(settings.material, crls=(), ocsp_responses=()))
        self.trust = Trust.open(settings, registry)
        """To verify with."""

    def add_findings(self, file: DicomFile, context: VerificationContext, report: ReportBuilder) -> None:
        """Add what the evidence is worth, to each signature and to the notes."""
        kept = {(each.value, each.certificate): each for each in self._evidence.record.signatures}
        now = tuple(iter_signature_records(file, report.signatures))
        firsts = [kept.get((each.value, each.certificate)) for each in now]
        moment = self._moment.finding()
        report.notes += (*self._file_notes(file), *self._rule_notes(context))
        for index, (first, present) in enumerate(zip(firsts, now, strict=True)):
            report.add_to_signature(index, (moment, _identity_finding(first, present)))
            report.notes += _chain_notes(report.signatures[index], first, present)
        report.notes.append(self._verdict_note(report.verdict))

    def _file_notes(self, file: DicomFile) -> Iterator[Finding]:
        grounds = self._evidence.record
        if (compute_sha256(file), file.file.size) == (grounds.file_sha256, grounds.file_size):
            yield _passed_finding(
                "repeat-file-matches", "the file is the one that the evidence is about, byte for byte"
            )
        else:
            message = "the file is not the one that the evidence is about, or was changed; each signature tells more"
            yield _unknown_finding("repeat-file-differs", message)
        if self._evidence.trust_anchors:
            count = len(grounds.material.anchors)
            message = f"the anchors of the evidence ({count}) are trusted, because that was asked for"
            yield _passed_finding("repeat-anchors-trusted", message)

    def _rule_notes(self, context: VerificationContext) -> Iterator[Finding]:
        own, then = build_settings(self.trust.settings, context), self._evidence.record.settings
        told = [
            f"{name} is {format_setting(own[name])}, and was {format_setting(then.get(name))}"
            for name in differing_settings(own, then)
        ]
        if told:
            message = f"your rules count, and differ from those of the evidence: {'; '.join(told)}"
            yield _unknown_finding("repeat-rules-differ", message)

    def _verdict_note(self, now: Verdict) -> Finding:
        then = self._evidence.verdict
        if then is now:
            return _passed_finding("repeat-verdict-same", f"the verdict is {now}, as the evidence says that it was")
        return _unknown_finding("repeat-verdict-differs", f"the verdict is {now}, and was {then}, as the evidence says")


class _EvidenceMoment:
    """How the moment of the evidence is known."""

    def __init__(self, evidence: Evidence, trust: Trust, registry: Registry | None) -> None:
        self._evidence = evidence
        self._trust = trust
        self._registry = registry

    def finding(self) -> Finding:
        """Whether the moment counts, as a finding about each signature."""
        moment = self._evidence.record.moment
        told = f"all is judged as at {moment.isoformat()}"
        if moment > (self._trust.settings.now or datetime.now(UTC)) + MAX_TIMESTAMP_DELAY:
            return _unknown_finding("repeat-moment-future", f"{told}, which has yet to come", _POE_CLAUSE)
        if not self._evidence.timestamp:
            return self._uncertified_finding(told, "which the evidence only claims")
        try:
            backend = (self._registry or installed_registry()).timestamp_backend(TimestampType.CMS_TSP)
            judgement = backend.verify(self._evidence.timestamp, (self._evidence.manifest,), ())
        except (PluginError, TimestampError) as error:
            return self._uncertified_finding(told, f"and the timestamp of the evidence cannot be verified: {error}")
        doubts = "; ".join(each.message for each in judgement.findings if each.outcome is not Outcome.PASSED)
        if judgement.time is None or any(each.outcome is Outcome.FAILED for each in judgement.findings):
            # whoever vouches for the file does not know that it was changed
            message = f"{told}, but the timestamp of the evidence proves nothing: {doubts}"
            return _unknown_finding("repeat-timestamp-wrong", message, _TIMESTAMP_CLAUSE)
        if doubts:
            return self._uncertified_finding(told, f"and the timestamp of the evidence leaves doubts: {doubts}")
        if not is_timely(moment, judgement.time):
            stamped = judgement.time.moment.isoformat()
            message = f"{told}, but the evidence was certified at {stamped}: it may be made up since"
            return _unknown_finding("repeat-timestamp-late", message, _POE_CLAUSE)
        (vouching,) = self._trust.evaluate_authority(judgement.time)
        if vouching.outcome is not Outcome.PASSED:
            return self._uncertified_finding(told, f"and its timestamp does not establish that: {vouching.message}")
        return _passed_finding(
            "repeat-moment-certified", f"{told}, which a timestamp of the evidence certifies", _POE_CLAUSE
        )

    def _uncertified_finding(self, statement: str, why: str) -> Finding:
        if self._evidence.trust_moment:
            message = f"{statement}, {why}: it counts because you vouch for the evidence"
            return _passed_finding("repeat-moment-accepted", message, _POE_CLAUSE)
        return _unknown_finding("repeat-moment-claimed", f"{statement}, {why}", _POE_CLAUSE)


def is_timely(moment: datetime, time: CertifiedTime) -> bool:
    """Whether evidence was certified when it was found."""
    return abs(time.moment - moment) <= MAX_TIMESTAMP_DELAY


def _identity_finding(first: SignatureRecord | None, present: SignatureRecord) -> Finding:
    """Whether the evidence is about a signature."""
    if first is None:
        return _unknown_finding("repeat-signature-missing", "the evidence is not about this signature")
    if not first.stream or first.stream != present.stream:
        message = "the signed data is not what it was when the evidence was saved, whatever the MAC says"
        return _unknown_finding("repeat-data-differs", message)
    return _passed_finding("repeat-signature-matches", "the evidence is about this signature and this data")


def _chain_notes(report: SignatureReport, first: SignatureRecord | None, present: SignatureRecord) -> Iterator[Finding]:
    if first is not None and first.chain != present.chain:
        then = f"anchor {first.chain[-1]}" if first.chain else "none"
        now = f"anchor {present.chain[-1]}" if present.chain else "none"
        message = f"the certificate leads to {now}, and led to {then} then (SHA-256), as the evidence says"
        yield _unknown_finding("repeat-chain-differs", message, where=report.signature.uid)


def _passed_finding(code: str, message: str, clause: str = "", where: str = "") -> Finding:
    return _finding(Outcome.PASSED, code, message, clause, where)


def _unknown_finding(code: str, message: str, clause: str = "", where: str = "") -> Finding:
    return _finding(Outcome.UNKNOWN, code, message, clause, where)


def _finding(outcome: Outcome, code: str, message: str, clause: str, where: str) -> Finding:
    return Finding(aspect=Aspect.TRUST, outcome=outcome, code=code, message=message, clause=clause, where=where)
