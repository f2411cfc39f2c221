"""Results as the JSON documents of the published schema."""

from __future__ import annotations

import json

from dcmseal.batch.journal.result_summary import ResultSummary
from dcmseal.batch.results import BatchResult, ResultDetail, ResultKind
from dcmseal.documents.document_builders import error_document, report_document, signatures_document, signing_document
from dcmseal.documents.json_types import Document, build_document
from dcmseal.model.report import VerificationReport
from dcmseal.signing.signing_result import SigningResult


def build_result_document(result: BatchResult) -> Document:
    """The document of a result; raises ValueError if it holds the verdict only."""
    source = result.input.source
    answer = result.value
    if result.error is not None:
        return error_document(result.error, result.exit_code, source)
    if isinstance(answer, VerificationReport):
        return report_document(answer, source)
    if isinstance(answer, SigningResult):
        return signing_document(answer, source, result.output)
    if answer is not None:
        return signatures_document(answer, source)
    if result.kind in (ResultKind.SKIPPED, ResultKind.IGNORED):
        return build_document("skipped", {"file": source, "kind": result.kind.value, "reason": result.reason})
    raise ValueError("only the verdict was asked for")


def apply_detail(result: BatchResult, detail: ResultDetail) -> BatchResult:
    """The result with no more than the form asks for."""
    if detail is ResultDetail.VALUE:
        return result
    if detail is ResultDetail.VERDICT:
        return result._replace(value=None)
    summary = ResultSummary.from_result(result)
    wanted = detail is ResultDetail.DOCUMENT or (summary.needs_attention and result.error is None)
    text = result.document_text or json.dumps(build_result_document(result), separators=(",", ":")) if wanted else ""
    return result._replace(value=None, document_text=text, summary=summary)
