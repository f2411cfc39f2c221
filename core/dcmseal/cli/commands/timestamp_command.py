"""``dcmseal timestamp``: certified timestamps for signatures that are there, in one step or in two without network."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.batch.exit_codes import ExitCode
from dcmseal.cli.parser import Parser, complete_uids, set_completer

if TYPE_CHECKING:
    from dcmseal.signing.timestamping import TimestampingResult

_MAX_BYTES = 1 << 20
_DESCRIPTION = """\
Have an authority certify that a signature was there at a time (RFC 3161).
add: ask the authority at a URL, and put its timestamp into the file.
request: write the query for an authority, to be carried there by other means.
attach: put the timestamp of the authority's response into the file. Every other byte stays as it is."""
_EXAMPLES = """
  dcmseal timestamp add signed.dcm stamped.dcm --timestamp https://tsa.example/tsr
  dcmseal timestamp request signed.dcm -o query.tsq
  dcmseal timestamp attach signed.dcm stamped.dcm --response answer.tsr --query query.tsq"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    from dcmseal.cli.options import timestamp_options

    parser.describe("add|request|attach IN [OUT] [options]", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("action", choices=("add", "request", "attach"), help="what to do")
    parser.add_argument(
        "words", metavar="IN [OUT]", nargs="+", help="DICOM files or URLs; - is standard input or output"
    )
    which = parser.add_mutually_exclusive_group()
    set_completer(
        which.add_argument("--uid", metavar="UID", help="the signature; needed if there are several"), complete_uids
    )
    which.add_argument("--uid-file", metavar="FILE", help="DICOM file that dcmsign names a signature with; see -o")
    parser.add_argument("--in-place", action="store_true", help="add, attach: change IN itself")
    parser.add_argument("--replace", action="store_true", help="add, attach: in the place of another timestamp")
    parser.add_argument("-o", "--output", metavar="QUERY", help="request: the query goes here, not to standard output")
    parser.add_argument("--write-uid-file", metavar="FILE", help="request: name the signature for dcmsign in a file")
    parser.add_argument("--response", metavar="FILE", help="attach: the authority's response, or its timestamp alone")
    parser.add_argument("--query", metavar="FILE", help="attach: the query that the response has to fit")
    parser.add_force()
    parser.add_json()
    timestamp_options.add_timestamp_options(parser)


def run(options: Namespace) -> int:
    """Do one of the three."""
    from dcmseal.errors import UsageError

    _check_options(options)
    if options.action == "request":
        return _write_query(options)
    if not 1 <= len(options.words) <= 2:
        raise UsageError("one input and one output are wanted", hint="write IN OUT, or IN --in-place")
    return _write_timestamp(options)


def _check_options(options: Namespace) -> None:
    """Refuse options that the action would pass over in silence."""
    from dcmseal.errors import UsageError

    allowed = {
        "request": ("output", "write_uid_file"),
        "attach": ("response", "query", "in_place", "replace"),
        "add": ("timestamp", "in_place", "replace"),
    }
    for name in dict.fromkeys(name for names in allowed.values() for name in names):
        if getattr(options, name) and name not in allowed[options.action]:
            raise UsageError(
                f"--{name.replace('_', '-')} has no meaning for {options.action}",
                hint="dcmseal timestamp --help shows what goes together",
            )
    if options.action == "attach" and not options.response:
        raise UsageError("the authority's response is not named", hint="--response FILE")
    if options.action == "add" and not options.timestamp:
        raise UsageError("no timestamp authority is named", hint="--timestamp URL")


def _write_query(options: Namespace) -> int:
    from dcmseal.api.inspect import signatures
    from dcmseal.api.timestamp import build_timestamp_query
    from dcmseal.cli.file_arguments import open_input_file, open_new_file
    from dcmseal.cli.options.timestamp_options import parse_timestamp_query
    from dcmseal.errors import UsageError
    from dcmseal.macro.uid_file import build_uid_file

    if len(options.words) != 1:
        raise UsageError("one file is wanted", hint="the query goes to -o QUERY, or to standard output")
    if options.json and options.output is None:
        raise UsageError("the query and the JSON document cannot both go to standard output", hint="-o QUERY")
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
    from dcmseal.cli.file_arguments import STDIO, open_input_file, open_result_file
    from dcmseal.cli.options.timestamp_options import check_timestamp_login, parse_timestamp_request
    from dcmseal.cli.render.screens import write_json
    from dcmseal.errors import UsageError

    file, output = options.words[0], options.words[1] if len(options.words) == 2 else None
    if options.json and output == STDIO:
        raise UsageError("the file and the JSON document cannot both go to standard output", hint="name an output file")
    uid = _signature_uid(options)
    wish = parse_timestamp_request(options)
    check_timestamp_login(wish)
    with (
        open_result_file(file, output, in_place=options.in_place, force=options.force) as target,
        open_input_file(file) as source,
    ):
        if wish is not None:
            result = add_timestamp(
                source, wish, uid=uid, replace=options.replace, output=target, in_place=options.in_place
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
    from dcmseal.cli.render.screens import Tone, make_screen, write_fields
    from dcmseal.cli.render.signing_text import show_warnings
    from dcmseal.cli.standard_streams import standard_error

    to = make_screen(standard_error() if target == STDIO else None)
    to.line(f"{'standard output' if target == STDIO else target}: timestamp attached", Tone.GOOD)
    write_fields(to, [("UID", result.uid), ("certified", signature_format.format_certified_time(result.time))])
    show_warnings(result.warnings, to)


def _signature_uid(options: Namespace) -> str | None:
    """The UID of the signature, if one is named."""
    if options.uid_file is None:
        uid: str | None = options.uid
        return uid
    from dcmseal.macro.uid_file import read_uid_file

    return read_uid_file(options.uid_file)


def _read_small_file(file: str) -> bytes:
    """The content of a small file; raises UsageError."""
    from io import BufferedReader

    from dcmseal.errors import UsageError
    from dcmseal.input_files import open_input

    try:
        with BufferedReader(open_input(file)) as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", hint="check the name") from None
    if len(data) > _MAX_BYTES:
        raise UsageError(f"{file} is too large to be a query or a response", hint="check the name")
    return data
