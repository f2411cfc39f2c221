"""``dcmseal timestamp``: adds certified timestamps to existing signatures, in one step or in two without network."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.cli.completers import complete_uids, set_completer
from dcmseal.cli.parser import Parser
from dcmseal.exit_codes import ExitCode

if TYPE_CHECKING:
    from dcmseal.signing.timestamping import TimestampingResult

_MAX_BYTES = 1 << 20
_DESCRIPTION = """\
Add a certified timestamp (RFC 3161) to an existing signature. All other bytes stay unchanged.
add: request the timestamp from an authority.
request: write a query, to be sent to an authority by other means.
attach: add the timestamp from the authority's response."""
_EXAMPLES = """
  dcmseal timestamp add signed.dcm stamped.dcm --timestamp https://tsa.example/tsr
  dcmseal timestamp request signed.dcm -o query.tsq
  dcmseal timestamp attach signed.dcm stamped.dcm --response answer.tsr --query query.tsq"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    from dcmseal.cli.options import timestamp_options

    parser.describe("add|request|attach IN [OUT] [options]", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("action", choices=("add", "request", "attach"), help="action")
    parser.add_argument(
        "words",
        metavar="IN [OUT]",
        nargs="+",
        help="DICOM file and output file, or URLs; - for standard input or output",
    )
    which = parser.add_mutually_exclusive_group()
    set_completer(
        which.add_argument(
            "--uid", metavar="UID", help="Digital Signature UID; required if the file has several signatures"
        ),
        complete_uids,
    )
    which.add_argument("--uid-file", metavar="FILE", help="UID file of dcmsign that identifies the signature")
    parser.add_argument("--in-place", action="store_true", help="add, attach: modify the file itself")
    parser.add_argument("--replace", action="store_true", help="add, attach: replace an existing timestamp")
    parser.add_argument(
        "-o", "--output", metavar="QUERY", help="request: write the query to this file instead of standard output"
    )
    parser.add_argument("--write-uid-file", metavar="FILE", help="request: also write a UID file for dcmsign")
    parser.add_argument("--response", metavar="FILE", help="attach: response of the authority, or the timestamp in it")
    parser.add_argument("--query", metavar="FILE", help="attach: check that the response matches this query")
    parser.add_force()
    parser.add_json()
    timestamp_options.add_timestamp_options(parser)


def run(options: Namespace) -> int:
    """Run one of the three actions."""
    from dcmseal.errors import UsageError

    _check_options(options)
    if options.action == "request":
        return _write_query(options)
    if not 1 <= len(options.words) <= 2:
        raise UsageError("expected one input and one output", hint="use IN OUT, or IN --in-place")
    return _write_timestamp(options)


def _check_options(options: Namespace) -> None:
    """Refuse options that the action would ignore."""
    from dcmseal.errors import UsageError

    allowed = {
        "request": ("output", "write_uid_file"),
        "attach": ("response", "query", "in_place", "replace"),
        "add": ("timestamp", "in_place", "replace"),
    }
    for name in dict.fromkeys(name for names in allowed.values() for name in names):
        if getattr(options, name) and name not in allowed[options.action]:
            raise UsageError(
                f"--{name.replace('_', '-')} does not apply to {options.action}",
                hint="see dcmseal timestamp --help",
            )
    if options.action == "attach" and not options.response:
        raise UsageError("no response given", hint="specify --response FILE")
    if options.action == "add" and not options.timestamp:
        raise UsageError("no timestamp authority given", hint="specify --timestamp URL")


def _write_query(options: Namespace) -> int:
    from dcmseal.api.inspect import signatures
    from dcmseal.api.timestamp import build_timestamp_query
    from dcmseal.cli.file_arguments import STDIO, check_json_destination, open_input_file, open_new_file
    from dcmseal.cli.options.timestamp_options import parse_timestamp_query
    from dcmseal.errors import UsageError
    from dcmseal.macro.uid_file import build_uid_file

    if len(options.words) != 1:
        raise UsageError("expected one file", hint="use -o QUERY for the output")
    check_json_destination(options, options.output or STDIO, what="the query")
    (file,) = options.words
    uid = _signature_uid(options)
    with open_input_file(file) as source:
        query = build_timestamp_query(source, uid=uid, query_options=parse_timestamp_query(options))
        uid = uid or signatures(source)[0].uid
    with open_new_file(options.output, force=options.force, made_from=[file]) as output:
        output.write(query)
    if options.write_uid_file is not None:
        with open_new_file(options.write_uid_file, force=options.force, made_from=[file]) as output:
            output.write(build_uid_file(uid))
    if options.json:
        from dcmseal.cli.render.screens import make_document, write_json

        write_json(make_document("query", file=file, uid=uid, output=options.output))
    return ExitCode.OK


def _write_timestamp(options: Namespace) -> int:
    from dcmseal.api.timestamp import add_timestamp, attach_timestamp
    from dcmseal.cli.file_arguments import check_json_destination, open_input_file, open_result_file
    from dcmseal.cli.options.timestamp_options import check_timestamp_login, parse_timestamp_request
    from dcmseal.cli.render.screens import write_json

    file, output = options.words[0], options.words[1] if len(options.words) == 2 else None
    check_json_destination(options, output)
    uid = _signature_uid(options)
    request = parse_timestamp_request(options)
    check_timestamp_login(request)
    with (
        open_result_file(file, output, in_place=options.in_place, force=options.force) as target,
        open_input_file(file) as source,
    ):
        if request is not None:
            result = add_timestamp(
                source, request, uid=uid, replace=options.replace, output=target, in_place=options.in_place
            )
        else:
            result = attach_timestamp(
                source,
                _read_small_file(options.response),
                query=None if options.query is None else _read_small_file(options.query),
                uid=uid,
                replace=options.replace,
                output=target,
                in_place=options.in_place,
            )
    if options.json:
        from dcmseal.documents.document_builders import timestamping_document

        write_json(timestamping_document(result, file))
    else:
        _show_timestamping(result, file if options.in_place else output or "")
    return ExitCode.OK


def _show_timestamping(result: TimestampingResult, target: str) -> None:
    from dcmseal.cli.file_arguments import STDIO
    from dcmseal.cli.render import signature_format
    from dcmseal.cli.render.screens import make_screen, write_fields
    from dcmseal.cli.render.signing_text import show_warnings
    from dcmseal.cli.render.tone import Tone
    from dcmseal.cli.standard_streams import standard_error

    to = make_screen(standard_error() if target == STDIO else None)
    to.line(f"{'standard output' if target == STDIO else target}: timestamp added", Tone.GOOD)
    write_fields(to, [("UID", result.uid), ("certified", signature_format.format_certified_time(result.time))])
    show_warnings(result.warnings, to)


def _signature_uid(options: Namespace) -> str | None:
    """Return the UID of the requested signature, if any."""
    if options.uid_file is None:
        uid: str | None = options.uid
        return uid
    from dcmseal.macro.uid_file import read_uid_file

    return read_uid_file(options.uid_file)


def _read_small_file(file: str) -> bytes:
    """Read a small file; raises UsageError."""
    from io import BufferedReader

    from dcmseal.errors import UsageError
    from dcmseal.input_files import open_input

    try:
        with BufferedReader(open_input(file)) as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}", hint="check the path") from None
    if len(data) > _MAX_BYTES:
        raise UsageError(f"{file} is too large to be a query or a response", hint="check the path")
    return data
