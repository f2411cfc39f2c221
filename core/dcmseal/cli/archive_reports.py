"""Reports for people about many files: numbers, and what needs attention; they are written when the run ends."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.batch.results import Form, Result
from dcmseal.cli.files import output_file, rights_of
from dcmseal.cli.reporting import wanted_of
from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from dcmseal.batch.tally import Tally
    from dcmseal.cli.archive_output import Report
    from dcmseal.plugins.guarded_reporting import GuardedWriter


def archive_reports_of(options: Namespace, output: Report) -> ArchiveReports | None:
    """The reports that the options ask for, besides ``output``; None if they ask for none.

    Raises UsageError and PluginError: what is found out after hours is found out too late.
    """
    wanted = wanted_of(options)
    if not wanted:
        return None
    from dcmseal.plugins.registry import installed

    writers: list[tuple[GuardedWriter, str]] = []
    for format_, path in wanted:
        writer = installed().report_writer(format_)
        if not writer.writes_archives:
            raise UsageError(
                f"the format {format_} has no report about many files",
                hint="name up to 100 files one by one, or use --html",
            )
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise UsageError(f"there is no folder {folder}", hint="make it first")
        writers.append((writer, path))
    return ArchiveReports(writers, options, output)


class ArchiveReports:
    """Counts results on their way to where else they go, and writes reports in the end."""

    def __init__(self, writers: list[tuple[GuardedWriter, str]], options: Namespace, output: Report) -> None:
        from dcmseal.batch.archive_tally import ArchiveTally

        self._writers = writers
        self._options = options
        self._output = output
        self._statistics = ArchiveTally()
        self.detail = Form.SUMMARY if output.detail is Form.VERDICT else output.detail

    def add(self, result: Result) -> None:
        """Count a result, and pass it on."""
        from dcmseal.batch.journal.gists import Gist

        self._statistics.add(result.input.source, Gist.from_result(result), result.reason, result.instance)
        self._output.add(result)

    def add_recorded(self, result: Result) -> None:
        """Count a file whose result the journal of the run has already."""
        from dcmseal.batch.journal.gists import Gist

        self._statistics.add(
            result.input.source, Gist.from_result(result), result.reason, result.instance, recorded=True
        )

    def end(self, summary: Tally, seconds: float) -> None:
        """Write all reports; raises OutputError, or PluginBroken if a writer fails."""
        from dcmseal.cli.settings import judged_by
        from dcmseal.engine.reporting import write_archive_report

        self._output.end(summary, seconds)
        report = self._statistics.report(
            named=self._source_names(),
            seconds=seconds,
            stopped="" if summary.stop_error is None else str(summary.stop_error),
        )
        context = judged_by(self._options)
        rights = rights_of(self._options.files)
        for writer, path in self._writers:
            write_archive_report(output_file(path, force=self._options.force), writer, report, context, rights)

    def _source_names(self) -> list[str]:
        lists = [f"the files in {self._options.files_from}"] if self._options.files_from else []
        return [*self._options.files, *lists]
