"""The form in which a command writes its results: text, JSON, JSON Lines, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from argparse import Namespace


class OutputForm(NamedTuple):
    """The form of results on standard output."""

    as_json: bool = False
    """Write one JSON document."""
    as_json_lines: bool = False
    """Write one line of JSON for each file."""
    quiet: bool = False
    """Write nothing, and show no progress."""
    verbose: bool = False
    """Write each result with all details."""
    full: bool = False
    """Write all details of each of several files as JSON."""


def parse_output_form(options: Namespace) -> OutputForm:
    """Return the form that the options name."""
    return OutputForm(
        as_json=options.json,
        as_json_lines=options.json_lines,
        quiet=options.quiet,
        verbose=options.verbose,
        full=getattr(options, "full", False),
    )
