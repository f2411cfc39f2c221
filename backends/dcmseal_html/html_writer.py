"""The report writer ``html``, which writes one page without scripts or external resources.

>>> HtmlWriter().format
'html'
"""

# Kept apart: imported only when plugins are listed, so that commands start quickly.

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from dcmseal.plugins.archive_report import ArchiveReport
from dcmseal.plugins.report_writer import ReportContext, ReportedFile

_BUFFER_SIZE = 1 << 10
"""Number of template fragments that are written together."""


class HtmlWriter(Struct, frozen=True, kw_only=True):
    """Writes reports to read in a browser or on paper."""

    format: str = "html"
    summary: str = "one self-contained HTML page"

    def write(self, files: Sequence[ReportedFile], context: ReportContext) -> Iterator[bytes]:
        """Yield a report on single files as pieces of an HTML page, in UTF-8.

        Args:
            files: The files, in the order of the report.
            context: When and how they were verified.
        """
        from dcmseal_html.file_view import build_file_view

        return _render_page(
            "report.html",
            files=[build_file_view(number, file) for number, file in enumerate(files, 1)],
            context=context,
        )

    def write_archive(self, report: ArchiveReport, context: ReportContext) -> Iterator[bytes]:
        """Yield a report on a run over many files as pieces of an HTML page, in UTF-8.

        Args:
            report: The result of the run.
            context: When and how the files were verified.
        """
        from dcmseal_html.archive_view import build_archive_view

        return _render_page(
            "archive.html", each=build_archive_view(report, has_trust=context.has_trust), context=context
        )


def _render_page(template: str, **values: object) -> Iterator[bytes]:
    from dcmseal_html.html_templates import template_environment

    page = template_environment().get_template(template).stream(**values)
    page.enable_buffering(_BUFFER_SIZE)
    for text in page:
        yield text.encode("utf-8")
