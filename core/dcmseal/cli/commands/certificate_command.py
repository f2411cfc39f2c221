"""``dcmseal certificate``: extracts the signer's certificate."""

from __future__ import annotations

from argparse import Namespace

from dcmseal.cli.parser import Parser
from dcmseal.exit_codes import ExitCode

_EXAMPLES = """
  dcmseal certificate signed.dcm                              as PEM, to standard output
  dcmseal certificate signed.dcm --uid 2.25.1234 -o cert.pem
  dcmseal certificate signed.dcm | openssl x509 -noout -text"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.describe(
        "FILE [UID] [-o OUT] [options]",
        "Extract the signer's certificate from a signature. Nothing is verified.",
        _EXAMPLES,
    )
    parser.add_signature_arguments()
    parser.add_output("the certificate")
    parser.add_argument("--der", action="store_true", help="write DER instead of PEM")
    parser.add_json()


def run(options: Namespace) -> int:
    """Write the certificate."""
    from dcmseal.api.inspect import signatures
    from dcmseal.cli.file_arguments import open_input_file, open_new_file
    from dcmseal.cli.options.signature_selection import parse_file_and_uid, select_signature
    from dcmseal.cli.render.screens import write_json

    file, uid = parse_file_and_uid(options)
    with open_input_file(file) as source:
        certificate = select_signature(signatures(source), uid, file).certificate
    if options.output is not None or not options.json:
        with open_new_file(options.output, force=options.force, binary=options.der) as output:
            output.write(certificate.der if options.der else certificate.pem)
    if options.json:
        from dcmseal.documents.document_builders import certificate_document

        write_json(certificate_document(certificate))
    return ExitCode.OK
