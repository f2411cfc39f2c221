"""Results as the JSON documents of the published schema."""

from __future__ import annotations

import json

from dcmseal.batch.journal.gists import Gist
from dcmseal.batch.results import Form, Kind, Result
from dcmseal.engine.documents import error_document, report_document, signatures_document, signing_document
from dcmseal.engine.json_values import Document, document
from dcmseal.engine.signing_result import SigningResult
from dcmseal.report import VerificationReport


def document_of(result: Result) -> Document:
    """The document of a result; raises ValueError if it holds the verdict only."""
    source = result.item.source
    answer = result.answer
    if result.error is not None:
        return error_document(result.error, result.exit_code, source)
    if isinstance(answer, VerificationReport):
        return report_document(answer, source)
    if isinstance(answer, SigningResult):
        return signing_document(answer, source, result.output)
    if answer is not None:
        return signatures_document(answer, source)
    if result.kind in (Kind.SKIPPED, Kind.PASSED_OVER):
        return document("skipped", {"file": source, "why": result.kind.value, "reason": result.reason})
    raise ValueError("only the verdict was asked for")


def in_form(result: Result, form: Form) -> Result:
    """The result with no more than the form asks for."""
    if form is Form.ANSWER:
        return result
    if form is Form.VERDICT:
        return result._replace(answer=None)
    gist = Gist.of(result)
    wanted = form is Form.DOCUMENT or (gist.is_alarming and result.error is None)
    text = result.text or json.dumps(document_of(result), separators=(",", ":")) if wanted else ""
    return result._replace(answer=None, text=text, gist=gist)
