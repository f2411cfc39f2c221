"""Contributes reports of one line a file, as a plugin of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dcmseal.plugins import ArchiveReport, ReportContext, ReportedFile, ReportWriter, escape_unprintable, hookimpl


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesWriter:
    """One line a file: its verdict, how many of its elements are covered, and its name."""

    format: str = "lines"
    summary: str = "one line a file"

    def write(self, files: Sequence[ReportedFile], context: ReportContext) -> Iterator[bytes]:
        """The lines, in UTF-8."""
        for file in files:
            verdict = "unreadable" if file.report is None else file.report.verdict.value
            covered = 0 if file.coverage is None else file.coverage.totals.covered
            yield f"{verdict} {covered} {escape_unprintable(file.name)}\n".encode()

    def write_archive(self, report: ArchiveReport, context: ReportContext) -> Iterator[bytes]:
        """The number of files, and a line for each that needs attention, in UTF-8."""
        yield f"{report.files.total}\n".encode()
        for file in report.attention:
            yield f"{file.verdict} {escape_unprintable(file.name)}\n".encode()


@hookimpl
def dcmseal_report_writers() -> Iterable[ReportWriter]:
    """Contribute ``lines``."""
    return (LinesWriter(),)
