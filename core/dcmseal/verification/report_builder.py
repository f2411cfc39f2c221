"""Collect the results of the steps of a verification, and build the report once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dcmseal.findings import Finding
from dcmseal.location import Location
from dcmseal.model.report import Instance, ObjectCoverage, SignatureReport, VerificationReport
from dcmseal.model.verdict import Verdict, judge_report

if TYPE_CHECKING:
    from dcmseal.model.evidence_record import EvidenceRecord


class ReportBuilder:
    """The parts of a VerificationReport, to which each step of a verification adds."""

    def __init__(self, *, integrity_only: bool) -> None:
        self.integrity_only = integrity_only
        self.signatures: list[SignatureReport] = []
        self.notes: list[Finding] = []
        self.skipped: list[Location] = []
        self.unmet: list[Finding] = []
        self.references: list[Finding] = []
        self.manifest: list[Finding] = []
        self.instance = Instance()
        self.file_digest = ""
        """SHA-256 of the file in hexadecimal; empty if it was not requested."""
        self.coverage: ObjectCoverage | None = None
        self.evidence: EvidenceRecord | None = None

    @property
    def verdict(self) -> Verdict:
        """The verdict on the results so far."""
        return judge_report(
            (each.verdict for each in self.signatures),
            notes=self.notes,
            unmet=self.unmet,
            references=self.references,
        )

    def add_to_signature(self, index: int, findings: Iterable[Finding]) -> None:
        """Add findings to the report on one signature.

        Args:
            index: Index of the signature in ``signatures``.
            findings: The findings to add.
        """
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
