"""``dcmseal compare``: what differs between two instances, and which signature each difference breaks."""

from __future__ import annotations

from argparse import Namespace

from dcmseal.batch.exit_codes import ExitCode
from dcmseal.cli.parser import Parser

_DESCRIPTION = """\
Compare two instances: what differs, and which signature each difference breaks? The same data in another
transfer syntax is the same. Values that may tell who the patient is are not shown.

exit codes: 0 nothing that is signed differs; 1 something signed does; 3 they differ, and neither is signed"""
_EXAMPLES = """
  dcmseal compare signed.dcm tampered.dcm
  dcmseal compare archived.dcm received.dcm --all
  dcmseal compare a.dcm b.dcm --show-values             values of all elements, the patient's too
  dcmseal compare a.dcm b.dcm --json"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.describe("A B [options]", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("files", metavar="FILE", nargs=2, help="DICOM file, or - for standard input")
    parser.add_argument("--all", action="store_true", help="name every difference, not only the first of each sort")
    parser.add_argument("--show-values", action="store_true", help="show values that may tell who the patient is, too")
    parser.add_json()


def run(options: Namespace) -> int:
    """Compare; the exit code says whether a signature covers what differs."""
    from dcmseal.cli.file_arguments import STDIO, display_name, open_input_file
    from dcmseal.cli.render.screens import make_screen, write_json
    from dcmseal.comparison.differences import compare
    from dcmseal.errors import UsageError

    a, b = options.files
    if a == b == STDIO:
        raise UsageError("standard input can be read once only", hint="name - once")
    with open_input_file(a) as one, open_input_file(b) as other:
        comparison = compare(one, other, show_values=options.show_values)
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
