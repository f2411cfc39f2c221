"""``dcmseal stream``: writes the MAC byte stream of a signature."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.cli.parser import Parser
from dcmseal.exit_codes import ExitCode

if TYPE_CHECKING:
    from dcmseal.dataset.source import Buffer

_EXAMPLES = """
  dcmseal stream signed.dcm | sha256sum
  dcmseal stream signed.dcm --uid 2.25.1234 -o stream.bin
  dcmseal stream signed.dcm --json            length and SHA-256 of the stream"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.describe(
        "FILE [UID] [-o OUT] [options]",
        "Write the bytes over which the MAC of a signature is computed (PS3.3 C.12.1.1.3.1),\nfor the current data.",
        _EXAMPLES,
    )
    parser.add_signature_arguments()
    parser.add_output("the bytes")
    parser.add_json()


def run(options: Namespace) -> int:
    """Write the stream."""
    import hashlib
    from contextlib import ExitStack

    from dcmseal.api.inspect import signatures, write_mac_stream
    from dcmseal.cli.file_arguments import check_json_destination, open_input_file, open_new_file
    from dcmseal.cli.options.signature_selection import parse_file_and_uid, select_signature
    from dcmseal.cli.render.screens import make_document, write_json

    check_json_destination(options, options.output, what="bytes")
    file, uid = parse_file_and_uid(options)
    digest, length = hashlib.sha256(), 0
    with open_input_file(file) as source, ExitStack() as stack:
        signature = select_signature(signatures(source), uid, file)
        output = None
        if options.output is not None or not options.json:
            output = stack.enter_context(open_new_file(options.output, force=options.force, made_from=[file]))

        def write(piece: Buffer) -> None:
            nonlocal length
            length += len(piece)
            if options.json:
                digest.update(piece)
            if output is not None:
                output.write(piece)

        write_mac_stream(source, signature.uid, write)
    if options.json:
        write_json(make_document("stream", uid=signature.uid, length=length, sha256=digest.hexdigest()))
    return ExitCode.OK
