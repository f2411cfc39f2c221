"""Replay a verification with the time, certificates and revocation data of an evidence file.

An evidence file is not signed. The certificates, CRLs and OCSP responses in it are, but an old CRL with an old time
would hide that a key was revoked since. The time is therefore accepted only if a timestamp certifies it that the
verifier trusts today, or if the caller trusts the file. Trust anchors and settings are always the verifier's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from dcmseal.dataset.part10 import DicomFile
from dcmseal.errors import PluginError, TimestampError, UsageError
from dcmseal.evidence.collect import iter_signature_records
from dcmseal.evidence.evidence_file import Evidence
from dcmseal.evidence.evidence_settings import build_settings, differing_settings, format_setting
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.evidence_record import SignatureRecord
from dcmseal.model.report import SignatureReport
from dcmseal.model.signature import CertifiedTime
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.registry_provider import RegistryProvider
from dcmseal.plugins.trust import RevocationMode, TrustSettings
from dcmseal.terms import TimestampType
from dcmseal.verification.instance_identity import compute_file_digest
from dcmseal.verification.signer_trust import Trust

if TYPE_CHECKING:
    from dcmseal.verification.report_builder import ReportBuilder
    from dcmseal.verification.verification_context import VerificationContext

MAX_TIMESTAMP_DELAY: Final = timedelta(minutes=5)
"""Maximum difference between the time of verification and the timestamp over the evidence."""
_POE_CLAUSE: Final = "ETSI EN 319 102-1 5.2"
_TIMESTAMP_CLAUSE: Final = "RFC 3161 2.4.2"


class EvidenceReplay:
    """Replays one verification.

    Args:
        evidence: The evidence.
        trust: The verifier's trust; None to trust only the anchors in the evidence.
        registry: Returns the plugins.

    Raises:
        UsageError: No trust anchors are given.
        TrustError: The trust settings cannot be loaded.
        PluginError: No plugin supports the trust settings.
    """

    def __init__(self, evidence: Evidence, trust: Trust | TrustSettings | None, registry: RegistryProvider) -> None:
        own = trust.settings if isinstance(trust, Trust) else trust or TrustSettings()
        if evidence.trust_anchors:
            anchors = (*own.material.anchors, *evidence.record.material.anchors)
            trust = own = replace(own, material=replace(own.material, anchors=anchors))
        elif trust is None:
            raise UsageError(
                "to replay evidence, you need your own trust anchors",
                hint="give the trust anchors that you trust, or trust those in the evidence explicitly",
            )
        self._evidence = evidence
        today = trust if isinstance(trust, Trust) else Trust.open(trust, registry())
        self._moment = _EvidenceMoment(evidence, today, registry)
        recorded = replace(evidence.record.material, anchors=())
        settings = replace(
            own,
            material=own.material.merge(recorded),
            now=evidence.record.moment,
            # missing revocation data must not go unnoticed
            revocation=own.revocation or RevocationMode.HARD,
            fetch=False,
        )
        if settings.revocation is RevocationMode.OFF:
            settings = replace(settings, material=replace(settings.material, crls=(), ocsp_responses=()))
        self.trust = Trust.open(settings, registry())
        """Verify with this trust."""

    def add_findings(self, file: DicomFile, context: VerificationContext, report: ReportBuilder) -> None:
        """Add findings about the evidence to a report.

        Findings about the time and the signed data affect the verdict on each signature; the others are notes.

        Args:
            file: The verified file.
            context: The options of the verification.
            report: The report to add to.
        """
        recorded = {(each.value, each.certificate): each for each in self._evidence.record.signatures}
        current = tuple(iter_signature_records(file, report.signatures))
        originals = [recorded.get((each.value, each.certificate)) for each in current]
        moment = self._moment.finding()
        report.notes += (
            *self._file_notes(file, report.file_digest or compute_file_digest(file)),
            *self._settings_notes(context),
        )
        for index, (original, now) in enumerate(zip(originals, current, strict=True)):
            report.add_to_signature(index, (moment, _identity_finding(original, now)))
            report.notes += _chain_notes(report.signatures[index], original, now)
        report.notes.append(self._verdict_note(report.verdict))

    def _file_notes(self, file: DicomFile, file_sha256: str) -> Iterator[Finding]:
        record = self._evidence.record
        if (file_sha256, file.file.size) == (record.file_sha256, record.file_size):
            yield _passed_finding("evidence-file-matches", "the file is identical to the one in the evidence")
        else:
            message = "the file differs from the one in the evidence; see the findings about each signature"
            yield _unknown_finding("evidence-file-differs", message)
        if self._evidence.trust_anchors:
            count = len(record.material.anchors)
            message = f"the trust anchors in the evidence ({count}) are trusted, as requested"
            yield _passed_finding("evidence-anchors-trusted", message)

    def _settings_notes(self, context: VerificationContext) -> Iterator[Finding]:
        own, recorded = build_settings(self.trust.settings, context), self._evidence.record.settings
        differences = [
            f"{name} is {format_setting(own[name])}, and was {format_setting(recorded.get(name))}"
            for name in differing_settings(own, recorded)
        ]
        if differences:
            message = f"your settings apply, and differ from those in the evidence: {'; '.join(differences)}"
            yield _unknown_finding("evidence-settings-differ", message)

    def _verdict_note(self, now: Verdict) -> Finding:
        recorded = self._evidence.verdict
        if recorded is now:
            return _passed_finding("evidence-verdict-same", f"the verdict is {now}, the same as in the evidence")
        return _unknown_finding("evidence-verdict-differs", f"the verdict is {now}, but {recorded} in the evidence")


class _EvidenceMoment:
    """Checks whether the time of the evidence can be trusted."""

    def __init__(self, evidence: Evidence, trust: Trust, registry: RegistryProvider) -> None:
        self._evidence = evidence
        self._trust = trust
        self._registry = registry

    def finding(self) -> Finding:
        """Check the time.

        Returns:
            A finding for each signature.
        """
        moment = self._evidence.record.moment
        statement = f"the verification uses the time {moment.isoformat()}"
        if moment > (self._trust.settings.now or datetime.now(UTC)) + MAX_TIMESTAMP_DELAY:
            return _unknown_finding("evidence-time-in-future", f"{statement}, which is in the future", _POE_CLAUSE)
        if not self._evidence.timestamp:
            return self._uncertified_finding(statement, "which no timestamp certifies")
        try:
            backend = self._registry().timestamp_backend(TimestampType.CMS_TSP)
            result = backend.verify(self._evidence.timestamp, (self._evidence.manifest,), ())
        except (PluginError, TimestampError) as error:
            return self._uncertified_finding(
                statement, f"but the timestamp of the evidence cannot be verified: {error}"
            )
        problems = "; ".join(each.message for each in result.findings if each.outcome is not Outcome.PASSED)
        if result.time is None or any(each.outcome is Outcome.FAILED for each in result.findings):
            # trust_moment does not help: the caller does not know that the file was changed
            message = f"{statement}, but the timestamp of the evidence is invalid: {problems}"
            return _unknown_finding("evidence-timestamp-invalid", message, _TIMESTAMP_CLAUSE)
        if problems:
            return self._uncertified_finding(
                statement, f"but the timestamp of the evidence is not established: {problems}"
            )
        if not is_timely(moment, result.time):
            certified = result.time.moment.isoformat()
            message = f"{statement}, but the evidence was timestamped at {certified} and may have been changed before"
            return _unknown_finding("evidence-timestamp-late", message, _POE_CLAUSE)
        (authority,) = self._trust.evaluate_authority(result.time)
        if authority.outcome is not Outcome.PASSED:
            return self._uncertified_finding(
                statement, f"but the timestamp authority of the evidence is not trusted: {authority.message}"
            )
        return _passed_finding(
            "evidence-time-certified", f"{statement}, which the timestamp of the evidence certifies", _POE_CLAUSE
        )

    def _uncertified_finding(self, statement: str, reason: str) -> Finding:
        if self._evidence.trust_moment:
            message = f"{statement}, {reason}; it is accepted because you trust the evidence"
            return _passed_finding("evidence-time-trusted", message, _POE_CLAUSE)
        return _unknown_finding("evidence-time-claimed", f"{statement}, {reason}", _POE_CLAUSE)


def is_timely(moment: datetime, time: CertifiedTime) -> bool:
    """Whether evidence was timestamped close to the time of verification."""
    return abs(time.moment - moment) <= MAX_TIMESTAMP_DELAY


def _identity_finding(original: SignatureRecord | None, now: SignatureRecord) -> Finding:
    """Check whether the evidence belongs to a signature and its data."""
    if original is None:
        return _unknown_finding("evidence-signature-missing", "the evidence does not contain this signature")
    if not original.stream or original.stream != now.stream:
        message = "the signed data differs from that in the evidence, even if the MAC matches"
        return _unknown_finding("evidence-data-differs", message)
    return _passed_finding("evidence-signature-matches", "the evidence contains this signature and this data")


def _chain_notes(report: SignatureReport, original: SignatureRecord | None, now: SignatureRecord) -> Iterator[Finding]:
    if original is not None and original.chain != now.chain:
        message = f"the certificate leads to {_format_anchor(now)}, but to {_format_anchor(original)} in the evidence"
        yield _unknown_finding("evidence-chain-differs", message, where=report.signature.uid)


def _format_anchor(record: SignatureRecord) -> str:
    return f"the anchor with SHA-256 {record.chain[-1]}" if record.chain else "no anchor"


def _passed_finding(code: str, message: str, clause: str = "", where: str = "") -> Finding:
    return _finding(Outcome.PASSED, code, message, clause, where)


def _unknown_finding(code: str, message: str, clause: str = "", where: str = "") -> Finding:
    return _finding(Outcome.UNKNOWN, code, message, clause, where)


def _finding(outcome: Outcome, code: str, message: str, clause: str, where: str) -> Finding:
    return Finding(aspect=Aspect.TRUST, outcome=outcome, code=code, message=message, clause=clause, where=where)
