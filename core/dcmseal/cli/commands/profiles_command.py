"""``dcmseal profiles``: lists and explains Digital Signature Profiles."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.cli.parser import Parser
from dcmseal.exit_codes import ExitCode

if TYPE_CHECKING:
    from dcmseal.documents.json_types import Document

_DESCRIPTION = """\
List the Digital Signature Profiles. PROFILE is a name or a profile file (*.toml).
show: show the rules of a profile.
explain: show which elements of a file a signature with the profile would cover, and why."""
_EXAMPLES = """
  dcmseal profiles
  dcmseal profiles show creator-rsa
  dcmseal profiles explain creator-rsa image.dcm
  dcmseal profiles explain our-rules.toml image.dcm --json
  dcmseal sign image.dcm signed.dcm --key pem:signer.pem --profile base-rsa"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.describe("[show PROFILE | explain PROFILE FILE] [options]", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("words", metavar="WORD", nargs="*", help="show PROFILE, or explain PROFILE FILE")
    parser.add_config()
    parser.add_json()


def run(options: Namespace) -> int:
    """List, show or explain."""
    from dcmseal.errors import UsageError

    match options.words:
        case []:
            _list_profiles(options)
        case ["show", profile]:
            _show_profile(profile, options)
        case ["explain", profile, file]:
            _explain_profile(profile, file, options)
        case _:
            raise UsageError(
                "expected show PROFILE or explain PROFILE FILE",
                hint="dcmseal profiles without arguments lists the profiles",
            )
    return ExitCode.OK


def _list_profiles(options: Namespace) -> None:
    from dcmseal.cli.options.site_profiles import load_registry
    from dcmseal.cli.render.screens import make_screen
    from dcmseal.documents.document_builders import profiles_document

    profiles = load_registry(options).profiles()
    if options.json:
        _write_document(profiles_document(profiles))
        return
    rows = [(each.name, each.title, each.reference) for each in profiles]
    make_screen().table(("PROFILE", "TITLE", "REFERENCE"), rows)


def _show_profile(name: str, options: Namespace) -> None:
    from dcmseal.cli.options.site_profiles import load_registry
    from dcmseal.cli.render.screens import make_screen

    profile = load_registry(options).profile(name)
    if options.json:
        from dcmseal.documents.document_builders import rules_document

        _write_document(rules_document(profile))
        return
    from dcmseal.cli.render.profile_text import show_rules

    show_rules(profile, make_screen())


def _explain_profile(name: str, file: str, options: Namespace) -> None:
    from dcmseal.cli.file_arguments import display_name, open_input_file
    from dcmseal.cli.options.site_profiles import load_registry
    from dcmseal.cli.render.screens import make_screen
    from dcmseal.signing.profile_explanation import explain_profile

    with open_input_file(file) as source:
        plugins = load_registry(options)
        explanation = explain_profile(source, plugins.profile(name), lambda: plugins)
    if options.json:
        from dcmseal.documents.document_builders import explanation_document

        _write_document(explanation_document(explanation, file))
        return
    from dcmseal.cli.render.profile_text import show_explanation

    show_explanation(display_name(file), explanation, make_screen())


def _write_document(document: Document) -> None:
    from dcmseal.cli.render.screens import write_json

    write_json(document)
