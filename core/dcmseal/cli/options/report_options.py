"""Options for reports, and the reports themselves."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING, Final

from dcmseal.cli.completers import complete_report_formats, set_completer
from dcmseal.cli.file_arguments import make_output_file, read_rights
from dcmseal.cli.parser import Parser
from dcmseal.errors import UsageError
from dcmseal.output.file_descriptors import find_descriptor

if TYPE_CHECKING:
    from dcmseal.errors import SealError
    from dcmseal.model.report import VerificationReport
    from dcmseal.plugins.report_writer import ReportedFile, ReportWriter
    from dcmseal.sources.dataset_input import DatasetInput

_HTML_FORMAT: Final = "html"


def add_report_options(parser: Parser) -> None:
    """Add the options for reports."""
    group = parser.add_argument_group("reports")
    group.add_argument("--html", metavar="OUT", help="write an HTML report; short for --report html:OUT")
    set_completer(
        group.add_argument(
            "--report",
            metavar="FORMAT:OUT",
            action="append",
            default=[],
            help="write a report in this format, which a plugin provides; can be repeated",
        ),
        complete_report_formats,
    )
    group.add_argument(
        "--show-values", action="store_true", help="in reports, also show values that might identify the patient"
    )
    group.add_argument("--force", action="store_true", help="overwrite existing output files")


def make_report_collector(options: Namespace) -> ReportCollector | None:
    """The collector for the requested reports; None without any. Raises UsageError and PluginError."""
    wanted = parse_report_outputs(options)
    if not wanted:
        return None
    from dcmseal.plugins.registry import installed_registry

    return ReportCollector([(installed_registry().report_writer(format_), path) for format_, path in wanted], options)


def parse_report_outputs(options: Namespace) -> list[tuple[str, str]]:
    """Formats and paths of the requested reports; raises UsageError if a path is not free."""
    wanted = [each.partition(":") for each in options.report]
    if options.html is not None:
        wanted.append((_HTML_FORMAT, ":", options.html))
    for format_, _, path in wanted:
        if not format_ or not path:
            raise UsageError("--report requires FORMAT:OUT", hint="write, for example, --report html:report.html")
        if os.path.lexists(path) and not options.force and find_descriptor(path) is None:
            raise UsageError(f"{path} already exists", hint="choose another name, or use --force to overwrite it")
    return [(format_, path) for format_, _, path in wanted]


class ReportCollector:
    """Collects the results of files, and writes the reports at the end."""

    def __init__(self, writers: list[tuple[ReportWriter, str]], options: Namespace) -> None:
        self._writers = writers
        self._options = options
        self._files: list[ReportedFile] = []

    def add(self, name: str, report: VerificationReport, source: DatasetInput) -> None:
        """Add a file that was verified."""
        from dcmseal.api.report_files import build_reported_file

        self._files.append(build_reported_file(name, report, source, show_values=self._options.show_values))

    def add_problem(self, name: str, error: SealError) -> None:
        """Add a file that could not be verified."""
        from dcmseal.api.report_files import build_unverified_file
        from dcmseal.cli.error_hints import to_shell_hint

        self._files.append(build_unverified_file(name, to_shell_hint(error)))

    def write(self) -> None:
        """Write all reports; raises OutputError, or PluginBroken if a writer fails."""
        from dcmseal.api.report_files import write_report
        from dcmseal.cli.render.report_context import build_report_context

        context = build_report_context(self._options)
        rights = read_rights(self._options.files)
        for writer, path in self._writers:
            write_report(make_output_file(path, force=self._options.force), writer, self._files, context, rights)
