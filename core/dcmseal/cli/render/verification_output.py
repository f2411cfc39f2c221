"""Results of verifying files given one by one: each in full, as text or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmseal.cli.file_arguments import display_name
from dcmseal.cli.render.text_layout import format_count
from dcmseal.model.report import VerificationReport

if TYPE_CHECKING:
    from dcmseal.batch.results import BatchResult
    from dcmseal.batch.run_summary import RunSummary
    from dcmseal.cli.options.output_form import OutputForm
    from dcmseal.cli.options.verdict_settings import VerdictSettings
    from dcmseal.cli.run.report_collector import ReportCollector
    from dcmseal.documents.json_types import Document


class VerificationOutput:
    """Shows each report when it arrives, and writes JSON documents and report files at the end."""

    def __init__(
        self, total: int, form: OutputForm, settings: VerdictSettings, reports: ReportCollector | None
    ) -> None:
        self._total = total
        self._form = form
        self._settings = settings
        self._reports = reports
        self._documents: list[Document] = []
        self._is_first = True

    def add(self, result: BatchResult) -> None:
        """Show a report or an error."""
        from dcmseal.cli.error_handling import print_error

        form, file = self._form, result.input.source
        if form.as_json:
            self._documents.append(result.to_document(full=form.full or self._total == 1))
        elif result.error is not None:
            print_error(result.error, file=display_name(file))
        elif not form.quiet and isinstance(result.value, VerificationReport):
            self._show(file, result.value)
        self._is_first = False

    def end(self, summary: RunSummary, seconds: float) -> None:
        """Write the documents and report files; after Ctrl-C, show how many files were verified."""
        if self._form.as_json:
            self._write_documents()
        if summary.stop_error is not None:
            from dcmseal.cli.error_handling import print_error
            from dcmseal.cli.render.screens import make_screen

            if not self._form.as_json and not self._form.quiet:
                make_screen().line(f"{summary.files} of {format_count(self._total, 'file')} verified")
            print_error(summary.stop_error, prefix="stopped: ")
        elif self._reports is not None:
            # a report file about the first files only would pass for one about all
            self._reports.write()

    def _show(self, file: str, report: VerificationReport) -> None:
        from dcmseal.cli.render.report_text import show_context, show_report
        from dcmseal.cli.render.screens import make_screen

        to = make_screen()
        if not self._is_first:
            to.line()
        show_report(display_name(file), report, to, verbose=self._form.verbose)
        if self._form.verbose:
            from dcmseal.cli.render.report_context import build_report_context

            show_context(build_report_context(self._settings), to)

    def _write_documents(self) -> None:
        from dcmseal.cli.render.report_context import build_report_context
        from dcmseal.cli.render.screens import write_json
        from dcmseal.documents.document_builders import files_document
        from dcmseal.documents.document_parts import context_value

        context = build_report_context(self._settings)
        if self._total > 1:
            write_json(files_document(self._documents, context))
        else:
            (document,) = self._documents
            write_json({**document, "context": context_value(context)})
