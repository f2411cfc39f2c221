"""``dcmseal list``: lists the signatures of files, one per line."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.cli.options.archive_options import add_archive_options, is_archive
from dcmseal.cli.parser import Parser
from dcmseal.exit_codes import ExitCode

if TYPE_CHECKING:
    from dcmseal.batch.results import BatchResult
    from dcmseal.macro.inspection import Signature

_EXAMPLES = """
  dcmseal list signed.dcm
  dcmseal list - < signed.dcm
  dcmseal list signed.dcm --json
  dcmseal list archive                     all signatures in a folder"""
_HEADINGS = ("LOCATION", "UID", "TIME", "SIGNER", "MAC", "ELEMENTS", "PURPOSE")


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.describe(
        "FILE... [options]", "List the signatures in files, at every level. Nothing is verified.", _EXAMPLES
    )
    parser.add_argument("files", metavar="FILE", nargs="*", help="DICOM file, folder or URL; - for standard input")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="also list the files in folders that are not DICOM"
    )
    less = parser.add_mutually_exclusive_group()
    less.add_argument("-q", "--quiet", action="store_true", help="print nothing; set the exit code only")
    less.add_argument("--json", action="store_true", help="print one JSON document")
    add_archive_options(parser, less)


def run(options: Namespace) -> int:
    """List signatures; the exit code is 3 if there are none."""
    if is_archive("list", options.files, options) or len(options.files) > 1:
        return _list_archive(options)
    from dcmseal.api.inspect import signatures
    from dcmseal.cli.file_arguments import display_name, open_input_file
    from dcmseal.cli.render.screens import make_screen, write_json

    (file,) = options.files
    with open_input_file(file) as source:
        found = signatures(source)
    if options.json:
        from dcmseal.documents.document_builders import signatures_document

        write_json(signatures_document(found, file))
    elif options.quiet:
        pass
    elif found:
        make_screen().table(_HEADINGS, [_signature_row(each) for each in found])
    else:
        make_screen().line(f"{display_name(file)}: no signature")
    return ExitCode.OK if found else ExitCode.NO_SIGNATURE


def _list_archive(options: Namespace) -> int:
    from dcmseal.batch.result_kind import ResultDetail, ResultKind
    from dcmseal.batch.tasks.list_task import ListTask
    from dcmseal.cli.run.archive_run import make_output, run_archive

    def show(result: BatchResult) -> None:
        if options.verbose or result.kind is not ResultKind.IGNORED:
            _show_result(result)

    report = make_output(options, "read", detail=ResultDetail.VALUE, show=show)
    return run_archive(ListTask(detail=report.detail), options.files, options, report)


def _show_result(result: BatchResult) -> None:
    from dcmseal.cli.render.archive_output import show_result_line
    from dcmseal.cli.render.screens import make_screen

    if not isinstance(result.value, tuple):
        show_result_line(result)
        return
    for each in result.value:
        make_screen().line("  ".join(cell for cell in (f"{result.input.source}:", *_signature_row(each)) if cell))


def _signature_row(signature: Signature) -> tuple[str, ...]:
    from dcmseal.cli.render import signature_format

    content = signature.content
    return (
        str(signature.location),
        signature.uid,
        signature_format.format_signing_time(content),
        signature_format.format_signer(content),
        signature_format.format_mac_algorithm(content),
        str(len(signature.elements)),
        signature_format.format_purpose(signature.purpose),
    )
