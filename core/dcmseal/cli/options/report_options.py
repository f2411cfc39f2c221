"""Options for reports."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import Final, NamedTuple

from dcmseal.cli.completers import complete_report_formats, set_completer
from dcmseal.cli.parser import Parser
from dcmseal.errors import UsageError
from dcmseal.output.file_descriptors import find_descriptor

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


class ReportOptions(NamedTuple):
    """The reports to write."""

    outputs: tuple[tuple[str, str], ...] = ()
    """Their formats and paths."""
    overwrite: bool = False
    """Whether they may replace existing files."""
    show_values: bool = False
    """Whether they show values that might identify the patient."""


def parse_report_options(options: Namespace) -> ReportOptions:
    """Return the requested reports; raises UsageError if a path is not free."""
    wanted = [each.partition(":") for each in options.report]
    if options.html is not None:
        wanted.append((_HTML_FORMAT, ":", options.html))
    for format_, _, path in wanted:
        if not format_ or not path:
            raise UsageError("--report requires FORMAT:OUT", hint="write, for example, --report html:report.html")
        if os.path.lexists(path) and not options.force and find_descriptor(path) is None:
            raise UsageError(f"{path} already exists", hint="choose another name, or use --force to overwrite it")
    return ReportOptions(
        outputs=tuple((format_, path) for format_, _, path in wanted),
        overwrite=options.force,
        show_values=options.show_values,
    )
