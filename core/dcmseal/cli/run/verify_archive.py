"""``dcmseal verify`` of many files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from dcmseal.batch.results import BatchResult
from dcmseal.batch.tasks.verify_task import VerifyTask
from dcmseal.cli.file_arguments import make_output_file, read_rights
from dcmseal.cli.render.archive_output import show_result_line
from dcmseal.cli.render.report_context import build_report_context
from dcmseal.cli.run.archive_run import make_output, run_archive
from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from dcmseal.batch.result_kind import ResultDetail
    from dcmseal.batch.run_summary import RunSummary
    from dcmseal.cli.options.archive_options import ArchiveInputs, ArchiveOptions
    from dcmseal.cli.render.archive_output import RunOutput
    from dcmseal.cli.run.verify_request import VerifyRequest
    from dcmseal.plugins.report_writer import ArchiveReportWriter


def make_reporting_output(request: VerifyRequest, inputs: ArchiveInputs, output: RunOutput) -> ReportingOutput | None:
    """Build an output that also writes report files; None if none are requested.

    Problems of the options are raised now, not after hours: UsageError and PluginError.
    """
    wanted = request.reports.outputs
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
    return ReportingOutput(writers, request, inputs, output)


class ReportingOutput:
    """Counts results, passes them on, and writes report files at the end."""

    def __init__(
        self,
        writers: list[tuple[ArchiveReportWriter, str]],
        request: VerifyRequest,
        inputs: ArchiveInputs,
        output: RunOutput,
    ) -> None:
        from dcmseal.batch.archive_statistics import ArchiveStatistics

        self._writers = writers
        self._request = request
        self._inputs = inputs
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

        self._output.end(summary, seconds)
        report = self._statistics.report(
            named=self._source_names(),
            seconds=seconds,
            stopped="" if summary.stop_error is None else str(summary.stop_error),
        )
        context = build_report_context(self._request.settings)
        rights = read_rights(self._inputs.words)
        for writer, path in self._writers:
            target = make_output_file(path, force=self._request.reports.overwrite)
            write_archive_report(target, writer, report, context, rights)

    def _source_names(self) -> list[str]:
        lists = [f"the files in {self._inputs.files_from}"] if self._inputs.files_from else []
        return [*self._inputs.words, *lists]


_NO_TRUST_HINT: Final = (
    "no trust anchor is configured, so no signer is trusted; use --trust-anchor FILE, --trust NAME for [trust.NAME] "
    "of the configuration file, or --integrity-only to accept any signer"
)


def verify_archive(request: VerifyRequest, archive: ArchiveOptions) -> int:
    """Verify all files; the exit code is that of the worst file.

    Args:
        request: What to do.
        archive: The files, and how to process them.
    """
    report = make_output(
        request.form,
        "verified",
        show=show_result_line if request.form.verbose else None,
        hint="" if request.settings.has_trust else _NO_TRUST_HINT,
        context=lambda: build_report_context(request.settings),
    )
    has_journal = archive.journal is not None
    pages = make_reporting_output(request, archive.inputs, report)
    if pages is None:
        return run_archive(_build_task(request, report.detail, has_journal=has_journal), archive, report)
    task = _build_task(request, pages.detail, has_journal=has_journal)
    return run_archive(task, archive, pages, on_recorded=pages.add_recorded_result)


def _build_task(request: VerifyRequest, detail: ResultDetail, *, has_journal: bool) -> VerifyTask:
    full = request.form.full
    return VerifyTask(
        options=request.build_options(
            request.settings.trust,
            name_profiles=full or detail.has_summary or has_journal,
            count_coverage=detail.has_document,
            file_digest=request.file_digest and detail.has_document,
        ),
        registry=request.load_registry(),
        detail=detail,
        full_documents=full,
    )
