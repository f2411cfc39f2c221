"""``dcmseal remove``: removes signatures from a file."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.cli.completers import complete_uids, set_completer
from dcmseal.cli.parser import Parser
from dcmseal.exit_codes import ExitCode

if TYPE_CHECKING:
    from dcmseal.cli.render.screens import Screen
    from dcmseal.macro.edit import RemovalResult

_EXAMPLES = """
  dcmseal remove signed.dcm plain.dcm --all
  dcmseal remove signed.dcm plain.dcm --uid 2.25.1234 --uid 2.25.5678
  dcmseal remove 2.25.1234 signed.dcm --in-place"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.describe(
        "[UID] IN [OUT] [options]",
        "Remove signatures, at every level, and the MAC parameters that no other signature uses.\n"
        "All other bytes stay unchanged.",
        _EXAMPLES,
    )
    parser.add_argument(
        "words", metavar="IN OUT", nargs="+", help="DICOM file and output file, or URLs; - for standard input or output"
    )
    which = parser.add_mutually_exclusive_group()
    set_completer(
        which.add_argument("--uid", metavar="UID", action="append", help="Digital Signature UID; can be repeated"),
        complete_uids,
    )
    which.add_argument("--all", action="store_true", help="remove all signatures")
    parser.add_argument("--in-place", action="store_true", help="modify the file itself")
    parser.add_force()
    parser.add_json()


def run(options: Namespace) -> int:
    """Remove signatures; exit code 3 if there are none."""
    from dcmseal.api.remove import remove
    from dcmseal.cli.file_arguments import STDIO, check_json_destination, open_input_file, open_result_file
    from dcmseal.cli.render.screens import make_screen, write_json
    from dcmseal.cli.standard_streams import standard_error

    uids, file, output = _parse_request(options)
    check_json_destination(options, output)
    with (
        open_result_file(file, output, in_place=options.in_place, force=options.force) as target,
        open_input_file(file) as source,
    ):
        result = remove(source, uids=uids, output=target, in_place=options.in_place)
    if options.json:
        from dcmseal.documents.document_builders import removal_document

        write_json(removal_document(result))
    else:
        _show_removal(result, make_screen(standard_error() if output == STDIO else None), file)
    return ExitCode.OK if result.removed else ExitCode.NO_SIGNATURE


def _parse_request(options: Namespace) -> tuple[list[str] | None, str, str | None]:
    """Parse UIDs (None for all), input and output."""
    from dcmseal.cli.options.signature_selection import is_uid
    from dcmseal.errors import UsageError

    words: list[str] = options.words
    uids: list[str] | None = options.uid
    if uids is None and not options.all:
        if not is_uid(words[0]):
            raise UsageError("no signature given", hint="specify --uid UID or --all")
        uids, words = words[:1], words[1:]
    if not 1 <= len(words) <= 2:
        raise UsageError("expected one input and one output", hint="use IN OUT, or IN --in-place")
    return uids, words[0], words[1] if len(words) == 2 else None


def _show_removal(result: RemovalResult, to: Screen, file: str) -> None:
    from dcmseal.cli.file_arguments import display_name
    from dcmseal.cli.render import signature_format
    from dcmseal.cli.render.text_layout import format_count

    if not result.removed:
        to.line(f"{display_name(file)}: no signature")
        return
    to.line(f"{display_name(file)}: removed {format_count(len(result.removed), 'signature')}")
    for each in result.removed:
        to.line(f"  {each.uid}  {each.location}  {signature_format.format_signer(each)}")
