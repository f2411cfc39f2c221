"""The summary of a run: the number of results of each kind, what needs attention, and the exit code.

>>> from dcmseal.batch.inputs.input_file import InputFile
>>> summary = RunSummary()
>>> summary.add(BatchResult.from_foreign_file(InputFile(source="notes.txt", relative="notes.txt"), "not DICOM"))
>>> summary.files, summary.ignored
(0, 1)
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from dcmseal.batch.result_kind import ResultKind
from dcmseal.batch.results import BatchResult
from dcmseal.exit_codes import ExitCode, worst_exit_code
from dcmseal.findings import EXISTING_INVALID

if TYPE_CHECKING:
    from dcmseal.batch.journal.result_summary import ResultSummary
    from dcmseal.documents.json_types import Document
    from dcmseal.errors import SealError
    from dcmseal.plugins.report_writer import ReportContext

_MAX_NAMED: Final = 20
"""Maximum number of results of a verdict that are kept."""
URGENT_VERDICTS: Final = ("invalid", "failed", "not-established", "no-signature")
"""Verdicts that need attention, the most urgent first."""


class RunSummary(Struct):
    """Counts results in bounded memory."""

    files: int = 0
    """Number of files, without those in folders that are not DICOM."""
    verdicts: Counter[str] = field(default_factory=Counter[str])
    ignored: int = 0
    partial: int = 0
    """Number of valid files in which signatures cover only part of the elements."""
    changed: int = 0
    exit_code: ExitCode = ExitCode.OK
    attention: dict[str, list[BatchResult]] = field(default_factory=dict[str, list[BatchResult]])
    """The first results of each verdict that needs attention."""
    recorded_summaries: Counter[ResultSummary] = field(default_factory=Counter["ResultSummary"])
    """Results of an earlier run in the journal that are not counted yet."""
    recorded: int = 0
    """Number of ``files`` that an earlier run processed."""
    blocking_codes: Counter[str] = field(default_factory=Counter[str])
    """Number of files by codes of findings that will keep their new signature from being valid."""
    broken: list[BatchResult] = field(default_factory=list[BatchResult])
    """The first results in which an existing signature is invalid."""
    stop_error: SealError | None = None
    """Why the run stopped early."""

    def add(self, result: BatchResult) -> None:
        """Count a result."""
        if result.kind is ResultKind.IGNORED:
            self.ignored += 1
            return
        self.files += 1
        self.verdicts[result.verdict] += 1
        self.partial += result.is_partial
        self.changed += result.is_written
        self.blocking_codes.update(set(result.blocking_codes))
        if EXISTING_INVALID in result.blocking_codes and len(self.broken) < _MAX_NAMED:
            self.broken.append(result)
        if result.exit_code is not self.exit_code:
            self.exit_code = worst_exit_code((self.exit_code, result.exit_code))
        self.add_attention(result)
        if result.is_fatal:
            self.stop_error = result.error

    def add_attention(self, result: BatchResult) -> None:
        """Keep a result that needs attention; those of an earlier run are counted by ``add_earlier_results``."""
        if result.verdict in URGENT_VERDICTS:
            named = self.attention.setdefault(result.verdict, [])
            if len(named) < _MAX_NAMED:
                named.append(result)

    def add_earlier_results(self) -> None:
        """Count the results of an earlier run."""
        for summary, files in self.recorded_summaries.items():
            if summary.kind == ResultKind.IGNORED.value:
                self.ignored += files
                continue
            self.files += files
            self.recorded += files
            self.verdicts[summary.verdict] += files
            self.partial += files if summary.is_partial else 0
            self.exit_code = worst_exit_code((self.exit_code, ExitCode(summary.exit_code)))
            if summary.kind == ResultKind.SIGNED.value:
                self.blocking_codes.update(dict.fromkeys(summary.codes, files))
            if summary.verdict in URGENT_VERDICTS:
                self.attention.setdefault(summary.verdict, [])
        self.recorded_summaries = Counter()

    def urgent_results(self) -> list[tuple[str, list[BatchResult], int]]:
        """Return verdicts that need attention, the most urgent first, with results and the number of further ones."""
        return [
            (verdict, self.attention[verdict], self.verdicts[verdict] - len(self.attention[verdict]))
            for verdict in URGENT_VERDICTS
            if verdict in self.attention
        ]

    def to_document(self, seconds: float, context: ReportContext | None = None) -> Document:
        """Build the document of kind ``summary``; ``context`` describes how a verification was made."""
        from dcmseal.documents.document_builders import error_document
        from dcmseal.documents.document_parts import context_value
        from dcmseal.documents.json_types import build_document

        stopped = self.stop_error
        return build_document(
            "summary",
            {
                "files": self.files,
                "verdicts": dict(sorted(self.verdicts.items())),
                "warnings": dict(sorted(self.blocking_codes.items())),
                "partial": self.partial,
                "ignored": self.ignored,
                "written": self.changed,
                "from_journal": self.recorded,
                "milliseconds": round(seconds * 1000),
                "exit_code": self.exit_code,
                "stopped": None if stopped is None else error_document(stopped, self.exit_code),
                "context": None if context is None else context_value(context),
            },
        )
