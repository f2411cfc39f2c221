"""Results of files, small enough to be sent between processes.

>>> from dcmseal.batch.inputs.input_file import UnreadableInput
>>> from dcmseal.errors import DatasetError
>>> error = DatasetError("gone")
>>> result = BatchResult.from_error(UnreadableInput(source="image.dcm", error=error), error)
>>> result.kind, result.exit_code, result.to_document()["document"]
(<ResultKind.FAILED: 'failed'>, <ExitCode.UNREADABLE: 5>, 'error')
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast

from dcmseal.batch.inputs.input_file import BatchInput
from dcmseal.batch.result_kind import ResultDetail, ResultKind
from dcmseal.errors import DatasetError, ProfileError, SealError, SignerError, UsageError
from dcmseal.exit_codes import ExitCode, error_exit_code, verdict_exit_code

if TYPE_CHECKING:
    from dcmseal.batch.journal.result_summary import ResultSummary
    from dcmseal.batch.result_kind import ResultValue
    from dcmseal.documents.json_types import Document
    from dcmseal.macro.inspection import Signature
    from dcmseal.model.report import Instance, VerificationReport
    from dcmseal.signing.plan import Plan


NO_TRUST_ANCHOR: Final = "who signed it is not established, because no trust anchor is configured"
"""Why a file is not valid if only trust is missing."""


class SignerClosed(SignerError):
    """The key can no longer be used; the file was not attempted."""


def is_not_attempted(error: SealError | None) -> bool:
    """Whether a file was not attempted, because the key had become unavailable."""
    return isinstance(error, SignerClosed)


class BatchResult(NamedTuple):
    """The result of a file. It can be pickled, and is a tuple because there are millions."""

    input: BatchInput
    kind: ResultKind
    exit_code: ExitCode
    verdict: str
    """The verdict of a verification, or else the kind; results are counted by it."""
    reason: str = ""
    """Why it needs attention, in one line; empty if it needs none."""
    value: ResultValue | None = None
    """None if it was not requested in this form, or if there is an error."""
    error: SealError | None = None
    document_text: str = ""
    """The JSON document in one line, if it was requested in this form; plans of workers always have it."""
    summary: ResultSummary | None = None
    """What it has in common with others, if it was requested as summary or document."""
    output: str = ""
    """Where the result was written; empty if nothing was."""
    is_written: bool = False
    """A file was written."""
    is_partial: bool = False
    """It is valid, and signatures cover only part of its elements."""
    instance: Instance | None = None
    """The object, if it was verified and more than the verdict was requested."""
    blocking_codes: tuple[str, ...] = ()
    """Codes of findings that will keep a signature that was made or planned from being valid."""
    seconds: float = 0.0
    """How long it took; 0 if only the verdict was requested."""
    is_fatal: bool = False
    """No other file can be processed, for example because the key is unavailable."""
    digest: bytes | None = None
    """SHA-256 of the processed content, if a journal identifies files by content."""
    is_unchanged: bool = False
    """Nothing was done, because the journal has a result for this content."""

    @property
    def has_file_error(self) -> bool:
        """Whether it failed because of the file, and not of the key, network or disk, which may work next time."""
        return isinstance(self.error, (DatasetError, ProfileError, UsageError))

    @classmethod
    def from_error(
        cls, item: BatchInput, error: SealError, *, seconds: float = 0.0, is_fatal: bool = False
    ) -> BatchResult:
        """Build the result of a file that failed with an error."""
        return cls(
            input=item,
            kind=ResultKind.FAILED,
            exit_code=error_exit_code(error),
            verdict=ResultKind.FAILED.value,
            reason=str(error),
            error=error,
            seconds=seconds,
            is_fatal=is_fatal,
        )

    @classmethod
    def from_report(cls, item: BatchInput, report: VerificationReport) -> BatchResult:
        """Build the result of a file that was verified."""
        verdict = report.verdict
        exit_code = verdict_exit_code(verdict.value)
        return cls(
            input=item,
            kind=ResultKind.VERIFIED,
            exit_code=exit_code,
            verdict=verdict.value,
            reason="" if exit_code is ExitCode.OK else _format_reason(report),
            value=report,
            is_partial=exit_code is ExitCode.OK and report.is_partial,
            instance=report.instance,
        )

    @classmethod
    def from_foreign_file(cls, item: BatchInput, reason: str = "") -> BatchResult:
        """Build the result of a file in a folder that is not DICOM, and whose name does not suggest it."""
        kind = ResultKind.IGNORED
        return cls(input=item, kind=kind, exit_code=ExitCode.OK, verdict=kind.value, reason=reason)

    def to_document(self, *, full: bool = False) -> Document:
        """Return the JSON document: ``verdict``, ``signing``, ``plan``, ``signatures``, ``skipped`` or ``error``.

        Args:
            full: Return a ``verification`` with all findings and elements instead of a ``verdict``.

        Raises:
            ValueError: Only the verdict was requested.
        """
        if self.document_text:
            import json

            # this program, perhaps in a worker process, has just written it: it need not be checked as a file has to
            document: Document = json.loads(self.document_text)
            return document
        from dcmseal.documents import document_builders
        from dcmseal.documents.json_types import build_document
        from dcmseal.model.report import VerificationReport
        from dcmseal.signing.signing_result import SigningResult

        source, value = self.input.source, self.value
        if self.error is not None:
            return document_builders.error_document(self.error, self.exit_code, source)
        if isinstance(value, VerificationReport):
            if full:
                return document_builders.report_document(value, source)
            from dcmseal.documents.verdict_document import verdict_document

            return verdict_document(value, source)
        if isinstance(value, SigningResult):
            return document_builders.signing_document(value, source, self.output)
        if value is not None and self.kind is ResultKind.PLANNED:
            # the type is not imported where files are only listed
            return document_builders.plan_document(cast("Plan", value), source)
        if value is not None:
            return document_builders.signatures_document(cast("tuple[Signature, ...]", value), source)
        if self.kind in (ResultKind.SKIPPED, ResultKind.IGNORED):
            return build_document("skipped", {"file": source, "kind": self.kind.value, "reason": self.reason})
        raise ValueError("only the verdict was asked for")

    def summarize(self) -> ResultSummary:
        """Return the summary that it shares with other results."""
        if self.summary is not None:
            return self.summary
        from dcmseal.batch.journal.result_summary import ResultSummary

        return ResultSummary.from_value(
            self.value,
            kind=self.kind,
            verdict=self.verdict,
            exit_code=int(self.exit_code),
            error=self.error,
            blocking_codes=self.blocking_codes,
        )

    def with_detail(self, detail: ResultDetail) -> BatchResult:
        """Return the result with only the requested detail."""
        if detail is ResultDetail.VALUE:
            return self
        if detail is ResultDetail.VERDICT:
            return self._replace(value=None)
        import json

        summary = self.summarize() if detail.has_summary else None
        needs_attention = summary is not None and summary.needs_attention and self.error is None
        wanted = detail.has_document or needs_attention
        text = self.document_text or json.dumps(self.to_document(), separators=(",", ":")) if wanted else ""
        return self._replace(value=None, document_text=text, summary=summary)


def _format_reason(report: VerificationReport) -> str:
    """Say why a file is not valid: the finding that decides, or that no signer is trusted."""
    for each in report.deciding_findings:
        return f"{each.code}: {each.message}"
    return NO_TRUST_ANCHOR if report.verdict.value == "not-established" else ""
