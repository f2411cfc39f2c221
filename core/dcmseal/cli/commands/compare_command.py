"""``dcmseal compare``: shows what differs between two instances, and which signature each difference breaks."""

from __future__ import annotations

from argparse import Namespace

from dcmseal.cli.parser import Parser
from dcmseal.exit_codes import ExitCode

_DESCRIPTION = """\
Compare two DICOM files and show which signatures the differences break. The same data in another transfer
syntax counts as equal. Values that might identify the patient are masked.

exit codes: 0 no signed data differs; 1 signed data differs; 3 the files differ, and neither is signed"""
_EXAMPLES = """
  dcmseal compare signed.dcm tampered.dcm
  dcmseal compare archived.dcm received.dcm --all
  dcmseal compare a.dcm b.dcm --show-values             include values that identify the patient
  dcmseal compare a.dcm b.dcm --json"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.describe("A B [options]", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("files", metavar="FILE", nargs=2, help="DICOM file; - for standard input")
    parser.add_argument("--all", action="store_true", help="show all differences, not only the first of each kind")
    parser.add_argument("--show-values", action="store_true", help="also show values that might identify the patient")
    parser.add_json()


def run(options: Namespace) -> int:
    """Compare; the exit code tells whether a signature covers a difference."""
    from dcmseal.api.compare import compare
    from dcmseal.cli.file_arguments import STDIO, display_name, open_input_file
    from dcmseal.cli.render.screens import make_screen, write_json
    from dcmseal.errors import DatasetError, UsageError

    a, b = options.files
    if a == b == STDIO:
        raise UsageError("standard input can be read only once", hint="give - once")
    try:
        with open_input_file(a) as one, open_input_file(b) as other:
            comparison = compare(one, other, show_values=options.show_values)
    except DatasetError as error:
        error.file = _find_unreadable(a, b)
        raise
    if options.json:
        from dcmseal.documents.document_builders import comparison_document

        write_json(comparison_document(comparison, a, b))
    else:
        from dcmseal.cli.render.comparison_text import show_comparison

        show_comparison(display_name(a), display_name(b), comparison, make_screen(), everything=options.all)
    if comparison.breaks_signature:
        return ExitCode.INVALID
    if comparison.is_signed or comparison.is_equivalent:
        return ExitCode.OK
    return ExitCode.NO_SIGNATURE


def _find_unreadable(a: str, b: str) -> str:
    """Find the file that could not be read, because the error of a comparison does not name it."""
    from dcmseal.api.inspect import signatures
    from dcmseal.cli.file_arguments import STDIO, display_name
    from dcmseal.errors import DatasetError

    for file in (a, b):
        try:
            if file != STDIO:
                signatures(file)
        except DatasetError:
            return file
    return next((display_name(file) for file in (a, b) if file == STDIO), f"{a}, {b}")
