"""The reports about files that are verified one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmseal.cli.file_arguments import make_output_file, read_rights

if TYPE_CHECKING:
    from dcmseal.cli.run.verify_request import VerifyRequest
    from dcmseal.errors import SealError
    from dcmseal.model.report import VerificationReport
    from dcmseal.plugins.report_writer import ReportedFile, ReportWriter
    from dcmseal.sources.dataset_input import DatasetInput


def make_report_collector(request: VerifyRequest) -> ReportCollector | None:
    """The collector for the requested reports; None without any. Raises UsageError and PluginError."""
    outputs = request.reports.outputs
    if not outputs:
        return None
    from dcmseal.plugins.registry import installed_registry

    writers = [(installed_registry().report_writer(format_), path) for format_, path in outputs]
    return ReportCollector(writers, request)


class ReportCollector:
    """Collects the results of files, and writes the reports at the end."""

    def __init__(self, writers: list[tuple[ReportWriter, str]], request: VerifyRequest) -> None:
        self._writers = writers
        self._request = request
        self._files: list[ReportedFile] = []

    def add(self, name: str, report: VerificationReport, source: DatasetInput) -> None:
        """Add a file that was verified."""
        from dcmseal.api.report_files import build_reported_file

        self._files.append(build_reported_file(name, report, source, show_values=self._request.reports.show_values))

    def add_problem(self, name: str, error: SealError) -> None:
        """Add a file that could not be verified."""
        from dcmseal.api.report_files import build_unverified_file
        from dcmseal.cli.error_hints import to_shell_hint

        self._files.append(build_unverified_file(name, to_shell_hint(error)))

    def write(self) -> None:
        """Write all reports; raises OutputError, or PluginBroken if a writer fails."""
        from dcmseal.api.report_files import write_report
        from dcmseal.cli.render.report_context import build_report_context

        context = build_report_context(self._request.settings)
        rights = read_rights(self._request.files)
        for writer, path in self._writers:
            target = make_output_file(path, force=self._request.reports.overwrite)
            write_report(target, writer, self._files, context, rights)
