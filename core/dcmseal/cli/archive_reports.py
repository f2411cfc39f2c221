"""Reports for people about many files: numbers, and what needs attention; they are written when the run ends."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.batch.results import BatchResult, ResultDetail
from dcmseal.cli.files import make_output_file, read_rights
from dcmseal.cli.reporting import parse_report_outputs
from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from dcmseal.batch.tally import RunSummary
    from dcmseal.cli.archive_output import RunOutput
    from dcmseal.plugins.guarded_reporting import GuardedReportWriter


def make_reporting_output(options: Namespace, output: RunOutput) -> ReportingOutput | None:
    """The reports that the options ask for, besides ``output``; None if they ask for none.

    Raises UsageError and PluginError: what is found out after hours is found out too late.
    """
    wanted = parse_report_outputs(options)
    if not wanted:
        return None
    from dcmseal.plugins.registry import installed_registry

    writers: list[tuple[GuardedReportWriter, str]] = []
    for format_, path in wanted:
        writer = installed_registry().report_writer(format_)
        if not writer.writes_archives:
            raise UsageError(
                f"the format {format_} has no report about many files",
                hint="name up to 100 files one by one, or use --html",
            )
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise UsageError(f"there is no folder {folder}", hint="make it first")
        writers.append((writer, path))
    return ReportingOutput(writers, options, output)


class ReportingOutput:
    """Counts results on their way to where else they go, and writes reports in the end."""

    def __init__(self, writers: list[tuple[GuardedReportWriter, str]], options: Namespace, output: RunOutput) -> None:
        from dcmseal.batch.archive_tally import ArchiveStatistics

        self._writers = writers
        self._options = options
        self._output = output
        self._statistics = ArchiveStatistics()
        self.detail = ResultDetail.SUMMARY if output.detail is ResultDetail.VERDICT else output.detail

    def add(self, result: BatchResult) -> None:
        """Count a result, and pass it on."""
        from dcmseal.batch.journal.gists import ResultSummary

        self._statistics.add(result.input.source, ResultSummary.from_result(result), result.reason, result.instance)
        self._output.add(result)

    def add_recorded(self, result: BatchResult) -> None:
        """Count a file whose result the journal of the run has already."""
        from dcmseal.batch.journal.gists import ResultSummary

        self._statistics.add(
            result.input.source, ResultSummary.from_result(result), result.reason, result.instance, recorded=True
        )

    def end(self, summary: RunSummary, seconds: float) -> None:
        """Write all reports; raises OutputError, or PluginBroken if a writer fails."""
        from dcmseal.cli.settings import build_report_context
        from dcmseal.engine.reporting import write_archive_report

        self._output.end(summary, seconds)
        report = self._statistics.report(
            named=self._source_names(),
            seconds=seconds,
            stopped="" if summary.stop_error is None else str(summary.stop_error),
        )
        context = build_report_context(self._options)
        rights = read_rights(self._options.files)
        for writer, path in self._writers:
            write_archive_report(make_output_file(path, force=self._options.force), writer, report, context, rights)

    def _source_names(self) -> list[str]:
        lists = [f"the files in {self._options.files_from}"] if self._options.files_from else []
        return [*self._options.files, *lists]
