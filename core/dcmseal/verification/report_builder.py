"""Collects what the steps of a verification find out, so that the report is built once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dcmseal.findings import Finding
from dcmseal.location import Location
from dcmseal.model.report import Instance, ObjectCoverage, SignatureReport, VerificationReport
from dcmseal.model.verdict import Verdict, judge_report

if TYPE_CHECKING:
    from dcmseal.model.evidence_record import EvidenceRecord


@dataclass(slots=True, kw_only=True)
class ReportBuilder:
    """The parts of a VerificationReport, to which each step adds its own."""

    integrity_only: bool
    signatures: list[SignatureReport] = field(default_factory=list[SignatureReport])
    notes: list[Finding] = field(default_factory=list[Finding])
    skipped: list[Location] = field(default_factory=list[Location])
    unmet: list[Finding] = field(default_factory=list[Finding])
    references: list[Finding] = field(default_factory=list[Finding])
    manifest: list[Finding] = field(default_factory=list[Finding])
    instance: Instance = Instance()
    file_digest: str = ""
    """SHA-256 of the file in hexadecimal; empty if it was not requested."""
    coverage: ObjectCoverage | None = None
    evidence: EvidenceRecord | None = None

    @property
    def verdict(self) -> Verdict:
        """The verdict on what was found out so far."""
        return judge_report(
            (each.verdict for each in self.signatures),
            notes=self.notes,
            unmet=self.unmet,
            references=self.references,
        )

    def add_to_signature(self, index: int, findings: Iterable[Finding]) -> None:
        """Add findings to those of one signature."""
        report = self.signatures[index]
        self.signatures[index] = replace(report, findings=(*report.findings, *findings))

    def build(self) -> VerificationReport:
        """Build the report."""
        instance = replace(self.instance, sha256=self.file_digest) if self.file_digest else self.instance
        return VerificationReport(
            signatures=tuple(self.signatures),
            notes=tuple(self.notes),
            skipped=tuple(self.skipped),
            unmet=tuple(self.unmet),
            references=tuple(self.references),
            manifest=tuple(self.manifest),
            integrity_only=self.integrity_only,
            instance=instance,
            coverage=self.coverage,
            evidence=self.evidence,
        )
