"""The short document about a verification: what a program needs to decide, without lists of elements.

A run over an archive writes one for each file. The full document lists every element several times.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from dcmseal.documents.document_parts import (
    aspect_values,
    certified_time_value,
    element_values,
    finding_value,
    format_moment,
    gap_value,
    object_coverage_counts,
    required_values,
    signer_value,
)
from dcmseal.documents.json_types import Document, Json, build_document, format_line
from dcmseal.findings import Outcome
from dcmseal.model.verdict import Verdict

if TYPE_CHECKING:
    from dcmseal.findings import Finding
    from dcmseal.model.report import Coverage, Instance, ObjectCoverage, SignatureReport, VerificationReport

_KIND: Final = "verdict"
_MAX_GAPS: Final = 20
_OPEN: Final = (Outcome.FAILED, Outcome.UNKNOWN)


def verdict_document(report: VerificationReport, file: str | None = None) -> Document:
    """Build a document of kind ``verdict``: the verdict, its reasons, counts, signers and times.

    Args:
        report: The result of a verification.
        file: The name of the input.

    Returns:
        The document.
    """
    return build_document(_KIND, _build_content(report, file))


def format_verdict_line(report: VerificationReport, file: str | None = None) -> str:
    """Build the same document as a line of JSON."""
    return format_line(_KIND, _build_content(report, file))


def _build_content(report: VerificationReport, file: str | None) -> Document:
    verdict = report.verdict
    reasons = () if verdict is Verdict.VALID else report.deciding_findings
    return {
        "file": file or "",
        "verdict": verdict.value,
        "integrity_only": report.integrity_only,
        "object_signed": report.is_object_signed,
        "reasons": [finding_value(each) for each in reasons],
        "coverage": None if report.coverage is None else _object_coverage(report.coverage),
        "instance": _instance(report.instance),
        "signatures": [_signature(each) for each in report.signatures],
        "findings": _open_findings(chain(report.notes, report.unmet, report.references, report.manifest)),
        "skipped": len(report.skipped),
    }


def _object_coverage(coverage: ObjectCoverage) -> Document:
    critical = (each for each in coverage.gaps if each.critical)
    return {
        **object_coverage_counts(coverage),
        "critical_not_covered": [gap_value(each) for each in islice(critical, _MAX_GAPS)],
    }


def _instance(instance: Instance) -> Document:
    return {
        "size": instance.size,
        "sha256": instance.sha256,
        "sop_class": instance.sop_class,
        "sop_instance": instance.sop_instance,
        "study": instance.study,
        "series": instance.series,
    }


def _signature(report: SignatureReport) -> Document:
    signature = report.signature
    return {
        "uid": signature.uid,
        "location": str(signature.location),
        "index": signature.index,
        "verdict": report.verdict.value,
        "signer": signer_value(signature.certificate),
        "signing_time": None if signature.moment is None else format_moment(signature.moment),
        "certified_time": certified_time_value(report.certified_time),
        "aspects": aspect_values(report),
        "required": required_values(report.required_profiles),
        "findings": _open_findings(report.findings),
        "coverage": None if report.coverage is None else _coverage(report.coverage),
    }


def _coverage(coverage: Coverage) -> Document:
    return {
        "signed": len(coverage.signed),
        "unsigned": len(coverage.unsigned),
        "unsignable": len(coverage.unsignable),
        "absent": len(coverage.absent),
        "critical": element_values(coverage.critical),
    }


def _open_findings(findings: Iterable[Finding]) -> list[Json]:
    return [finding_value(each) for each in findings if each.outcome in _OPEN]
