"""``dcmseal keys``: lists the keys that plugins find, with the URI of each."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.cli.completers import set_completer
from dcmseal.cli.error_hints import to_shell_hint
from dcmseal.cli.parser import Parser
from dcmseal.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dcmseal.cli.render.screens import Screen
    from dcmseal.errors import SealError
    from dcmseal.plugins.signer_backend import KeyListing, SignerBackend

_DESCRIPTION = """\
List the keys on cards, tokens and other devices, each with the URI to sign with, or the reason why it
cannot be used. Does not list keys in files, and does not prompt for PINs."""
_EXAMPLES = """
  dcmseal keys
  dcmseal keys pkcs11:                             keys of one kind
  dcmseal keys "pkcs11:token=reading-room"         keys that match a key URI
  dcmseal keys reading-room                        a key of the configuration file
  dcmseal keys --json"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    from dcmseal.cli.options.key_options import complete_setup_names

    parser.describe("[URI] [options]", _DESCRIPTION, _EXAMPLES)
    set_completer(
        parser.add_argument(
            "uri",
            metavar="URI",
            nargs="?",
            help="list only these: SCHEME:, a key URI, or the name of a key in the configuration file",
        ),
        complete_setup_names,
    )
    parser.add_config()
    parser.add_json()


def run(options: Namespace) -> int:
    """List keys; exit code 6 if a plugin could not search."""
    from dcmseal.cli.error_handling import print_error
    from dcmseal.cli.render.screens import make_screen, write_json
    from dcmseal.errors import SealError
    from dcmseal.exit_codes import error_exit_code

    found: list[KeyListing] = []
    errors: list[SealError] = []
    uri, backends = _find_backends(options)
    for backend in backends:
        try:
            found += backend.list_keys(uri)
        except SealError as error:
            errors.append(error)
    if options.json:
        from dcmseal.documents.document_builders import error_document, keys_document

        write_json(
            keys_document(found, [error_document(to_shell_hint(each), error_exit_code(each)) for each in errors])
        )
    else:
        _show_keys(found, make_screen(), everywhere=not uri)
        for each in errors:
            print_error(each)
    return ExitCode.UNAVAILABLE if errors else ExitCode.OK


def _find_backends(options: Namespace) -> tuple[str, Iterable[SignerBackend]]:
    """Return the key URI to search for, empty for all keys, and the backends that may have such keys."""
    from dcmseal.cli.options.key_options import resolve_key
    from dcmseal.plugins.key_uri import KeyUri
    from dcmseal.plugins.registry import installed_registry

    if options.uri is None:
        return "", installed_registry().signer_backends()
    uri = resolve_key(options.uri, options.config).uri
    return uri, (installed_registry().signer_backend(KeyUri.parse(uri).scheme),)


def _show_keys(keys: list[KeyListing], to: Screen, *, everywhere: bool) -> None:
    for key in keys:
        _show_key(key, to)
    if len(keys) > 1:
        to.table(
            ("KEY", "TYPE", "USABLE"), [(_key_label(key), _key_type_text(key), key.problem or "yes") for key in keys]
        )
    where = "; give keys in files by their path" if everywhere else " that matches"
    unusable = sum(bool(key.problem) for key in keys)
    to.line(f"{len(keys) - unusable} usable, {unusable} not usable" if keys else f"no key found{where}")


def _show_key(key: KeyListing, to: Screen) -> None:
    from dcmseal.cli.render.screens import write_fields
    from dcmseal.cli.render.text_layout import MAX_LINE
    from dcmseal.cli.render.tone import Tone

    to.line(f"{_key_label(key)}: {'not usable' if key.problem else 'usable'}", Tone.BAD if key.problem else Tone.GOOD)
    width = max(map(len, ("key type", *key.detail))) + 2
    write_fields(to, [("problem", key.problem)], Tone.OPEN, width=width)
    write_fields(to, [("key type", _key_type_text(key)), *key.detail.items()], width=width)
    write_fields(to, [("URI", key.uri)], Tone.COMMAND, longest=MAX_LINE, width=width)
    to.line()


def _key_label(key: KeyListing) -> str:
    return key.label or "(without a name)"


def _key_type_text(key: KeyListing) -> str:
    return key.key_type.value if key.key_type else ""
