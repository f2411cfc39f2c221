"""``dcmseal profiles``: the Digital Signature Profiles that plugins offer."""

from __future__ import annotations

from argparse import Namespace

from dcmseal.cli.exit_codes import ExitCode
from dcmseal.cli.parser import Parser

_EXAMPLES = """
  dcmseal profiles
  dcmseal sign image.dcm signed.dcm --key pem:signer.pem --profile base-rsa"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.explain(
        "[--json]", "List the Digital Signature Profiles: rules for what a signature must cover, and how.", _EXAMPLES
    )
    parser.add_json()


def run(options: Namespace) -> int:
    """List."""
    from dcmseal.cli.output import screen, write_json
    from dcmseal.plugins.registry import installed

    profiles = installed().profiles()
    if options.json:
        from dcmseal.engine.documents import profiles_document

        write_json(profiles_document(profiles))
    else:
        rows = [(each.name, each.title, each.reference) for each in profiles]
        screen().table(("PROFILE", "TITLE", "REFERENCE"), rows)
    return ExitCode.OK
