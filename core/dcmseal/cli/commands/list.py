"""``dcmseal list``: the signatures of a file, one a line."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.cli.exit_codes import ExitCode
from dcmseal.cli.parser import Parser

if TYPE_CHECKING:
    from dcmseal.engine.inspection import Signature

_EXAMPLES = """
  dcmseal list signed.dcm
  dcmseal list - < signed.dcm
  dcmseal list signed.dcm --json"""
_HEADINGS = ("LOCATION", "UID", "TIME", "SIGNER", "MAC", "ELEMENTS", "PURPOSE")


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.explain("FILE [--json]", "List the signatures of a file, at every level; nothing is verified.", _EXAMPLES)
    parser.add_argument("source", metavar="FILE", help="DICOM file, or - for standard input")
    parser.add_json()


def run(options: Namespace) -> int:
    """List; exit code 3 if there is no signature."""
    from dcmseal.cli.files import input_file, name_of
    from dcmseal.cli.output import screen, write_json
    from dcmseal.engine.asking import signatures

    with input_file(options.source) as source:
        found = signatures(source)
    if options.json:
        from dcmseal.engine.documents import signatures_document

        write_json(signatures_document(found, options.source))
    elif found:
        screen().table(_HEADINGS, [_row(each) for each in found])
    else:
        screen().line(f"{name_of(options.source)}: no signature")
    return ExitCode.OK if found else ExitCode.NO_SIGNATURE


def _row(signature: Signature) -> tuple[str, ...]:
    from dcmseal.cli import describing

    content = signature.content
    return (
        str(signature.location),
        signature.uid,
        describing.moment(content),
        describing.signer(content),
        describing.algorithm(content),
        str(len(signature.elements)),
        describing.purpose(signature.purpose),
    )
