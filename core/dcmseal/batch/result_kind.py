"""What was done with a file, and the form of its result."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from dcmseal.macro.inspection import Signature
    from dcmseal.model.report import VerificationReport
    from dcmseal.signing.plan import Plan
    from dcmseal.signing.signing_result import SigningResult

ResultValue: TypeAlias = "VerificationReport | SigningResult | Plan | tuple[Signature, ...]"
"""A Plan keeps its file open: it is valid until the next result is requested."""


class ResultKind(StrEnum):
    """What was done with a file."""

    VERIFIED = "verified"
    SIGNED = "signed"
    PLANNED = "planned"
    """It would be signed: nothing was written."""
    LISTED = "listed"
    SKIPPED = "skipped"
    """It has a signature that makes another unnecessary."""
    IGNORED = "ignored"
    """It was found in a folder, and is not a DICOM file."""
    FAILED = "failed"


class ResultDetail(StrEnum):
    """The form of a result; less is faster."""

    VALUE = "value"
    """As values: reports, signing results, signatures."""
    DOCUMENT_AND_SUMMARY = "document-and-summary"
    """As JSON documents, with summary."""
    DOCUMENT = "document"
    """As JSON documents."""
    SUMMARY = "summary"
    """Verdict, reason and summary, and the JSON documents of alarming results: what a journal keeps."""
    VERDICT = "verdict"
    """Verdict and reason, and nothing else."""

    @property
    def has_document(self) -> bool:
        """Whether each result can be had as a JSON document."""
        return self in (ResultDetail.VALUE, ResultDetail.DOCUMENT_AND_SUMMARY, ResultDetail.DOCUMENT)

    @property
    def has_summary(self) -> bool:
        """Whether each result can be had as a summary."""
        return self in (ResultDetail.VALUE, ResultDetail.DOCUMENT_AND_SUMMARY, ResultDetail.SUMMARY)

    def with_summary(self) -> ResultDetail:
        """The same, with the summary."""
        if self.has_summary:
            return self
        return ResultDetail.DOCUMENT_AND_SUMMARY if self.has_document else ResultDetail.SUMMARY
