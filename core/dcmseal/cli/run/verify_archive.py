"""``dcmseal verify`` of many files."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING, Final

from dcmseal.batch.results import BatchResult
from dcmseal.batch.tasks.verify_task import VerifyTask
from dcmseal.cli.file_arguments import make_output_file, read_rights
from dcmseal.cli.options.archive_options import parse_archive_options, reject_single_file_options
from dcmseal.cli.options.output_form import parse_output_form
from dcmseal.cli.options.policy_options import load_policy
from dcmseal.cli.options.report_options import parse_report_outputs
from dcmseal.cli.options.site_profiles import load_registry
from dcmseal.cli.options.trust_options import parse_trust_settings
from dcmseal.cli.options.verify_options import build_verify_options
from dcmseal.cli.render.archive_output import show_result_line
from dcmseal.cli.render.report_context import build_report_context, has_trust
from dcmseal.cli.run.archive_run import make_output, run_archive
from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from dcmseal.batch.result_kind import ResultDetail
    from dcmseal.batch.run_summary import RunSummary
    from dcmseal.cli.render.archive_output import RunOutput
    from dcmseal.plugins.report_writer import ArchiveReportWriter


def make_reporting_output(options: Namespace, output: RunOutput) -> ReportingOutput | None:
    """Build an output that also writes report files; None if the options request none.

    Problems of the options are raised now, not after hours: UsageError and PluginError.
    """
    wanted = parse_report_outputs(options)
    if not wanted:
        return None
    from dcmseal.plugins.registry import installed_registry
    from dcmseal.plugins.report_writer import ArchiveReportWriter

    writers: list[tuple[ArchiveReportWriter, str]] = []
    for format_, path in wanted:
        writer = installed_registry().report_writer(format_)
        if not isinstance(writer, ArchiveReportWriter):
            raise UsageError(
                f"the report format {format_} does not support many files",
                hint="give up to 100 files one by one, or use --html",
            )
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise UsageError(f"folder not found: {folder}", hint="create it first")
        writers.append((writer, path))
    return ReportingOutput(writers, options, output)


class ReportingOutput:
    """Counts results, passes them on, and writes report files at the end."""

    def __init__(self, writers: list[tuple[ArchiveReportWriter, str]], options: Namespace, output: RunOutput) -> None:
        from dcmseal.batch.archive_statistics import ArchiveStatistics

        self._writers = writers
        self._options = options
        self._output = output
        self._statistics = ArchiveStatistics()
        self.detail = output.detail.with_summary()

    def add(self, result: BatchResult) -> None:
        """Count a result, and pass it on."""
        self._statistics.add(result.input.source, result.summarize(), result.reason, result.instance)
        self._output.add(result)

    def add_recorded_result(self, result: BatchResult) -> None:
        """Count a result that the journal has already."""
        self._statistics.add(result.input.source, result.summarize(), result.reason, result.instance, recorded=True)

    def end(self, summary: RunSummary, seconds: float) -> None:
        """Write all reports; raises OutputError, or PluginBroken if a writer fails."""
        from dcmseal.api.report_files import write_archive_report
        from dcmseal.cli.render.report_context import build_report_context

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


_NO_TRUST_HINT: Final = (
    "no trust anchor is configured, so no signer is trusted; use --trust-anchor FILE, --trust NAME for [trust.NAME] "
    "of the configuration file, or --integrity-only to accept any signer"
)
_SINGLE_FILE_OPTIONS: Final = (
    *("save_evidence", "evidence", "evidence_timestamp", "trust_evidence_moment", "trust_evidence_anchors"),
    "manifest",
)
"""Options that apply to single files only."""


def verify_archive(options: Namespace) -> int:
    """Verify all files; the exit code is that of the worst file."""
    reject_single_file_options(options, *_SINGLE_FILE_OPTIONS)
    archive, form = parse_archive_options("verify", options.files, options), parse_output_form(options)
    report = make_output(
        form,
        "verified",
        show=show_result_line if form.verbose else None,
        hint="" if has_trust(options) else _NO_TRUST_HINT,
        context=lambda: build_report_context(options),
    )
    pages = make_reporting_output(options, report)
    if pages is None:
        return run_archive(_build_task(options, report.detail), archive, report)
    return run_archive(_build_task(options, pages.detail), archive, pages, on_recorded=pages.add_recorded_result)


def _build_task(options: Namespace, detail: ResultDetail) -> VerifyTask:
    setup = load_policy(options)
    return VerifyTask(
        options=build_verify_options(
            options,
            policy=setup.policy if setup else None,
            trust=parse_trust_settings(options, setup.trust if setup else ""),
            name_profiles=options.full or detail.has_summary or options.journal is not None,
            count_coverage=detail.has_document,
            file_digest=options.sha256 and detail.has_document,
        ),
        registry=load_registry(options.config) if setup else None,
        detail=detail,
        full_documents=options.full,
    )
