"""Parsers of command lines: errors are UsageError, and every command's help ends with examples."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, NoReturn

from dcmseal.cli.standard_streams import NULL_STREAM, standard_output
from dcmseal.errors import UsageError
from dcmseal.urls import URL_SEPARATOR

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

_MIN_WIDTH, _MAX_WIDTH = 60, 110
_UID_CHARACTERS: Final = frozenset("0123456789.")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal; argparse would import shutil to find that out."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=_help_width())


def _help_width() -> int:
    try:
        columns = int(os.environ.get("COLUMNS") or os.get_terminal_size().columns)
    except (OSError, ValueError):
        columns = 80
    return min(max(columns, _MIN_WIDTH), _MAX_WIDTH) - 2


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises UsageError, and takes long options as they are written only."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=_HelpFormatter, allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        if URL_SEPARATOR in message:
            from dcmseal.plugins.storage_urls import redact_secrets

            message = redact_secrets(message)
        raise UsageError(message, hint=f"see {self.prog} --help")

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        # help and version are results
        super()._print_message(message, standard_output() or NULL_STREAM if file is sys.stdout else file)

    def describe(self, usage: str, description: str, examples: str) -> None:
        """Say what the command does, and show how."""
        self.usage = f"{self.prog} {usage}"
        self.description = description
        self.epilog = f"examples:\n{examples.strip(chr(10))}"

    def add_json(self) -> argparse.Action:
        """Add ``--json``."""
        return self.add_argument("--json", action="store_true", help="print one JSON document")

    def add_uid(self, help_text: str) -> None:
        """Add ``--uid``, completed with the signatures of the file."""
        set_completer(self.add_argument("--uid", metavar="UID", help=help_text), complete_uids)

    def add_signature_arguments(self) -> None:
        """Add a file and the UID of one of its signatures, in either order, or the UID as ``--uid``."""
        self.add_argument("words", metavar="FILE", nargs="+", help="DICOM file or URL; - for standard input")
        self.add_uid("Digital Signature UID; required if the file has several signatures")

    def add_output(self, what: str) -> None:
        """Add ``-o`` and ``--force``."""
        self.add_argument("-o", "--output", metavar="OUT", help=f"write {what} to this file instead of standard output")
        self.add_force()

    def add_config(self) -> None:
        """Add ``--config``."""
        self.add_argument(
            "--config", metavar="FILE", help="configuration file (default: $DCMSEAL_CONFIG, or see dcmseal config path)"
        )

    def add_force(self) -> None:
        """Add ``--force``."""
        self.add_argument("--force", action="store_true", help="overwrite existing output files")


def set_completer(action: argparse.Action, completer: Callable[..., Iterable[str]]) -> None:
    """Let argcomplete offer what ``completer`` returns as values of an argument."""
    action.completer = completer  # type: ignore[attr-defined] # where argcomplete looks for it


def complete_uids(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    """The UIDs of the signatures in the file that was typed already."""
    from dcmseal.api.inspect import signatures
    from dcmseal.errors import SealError

    uids: list[str] = []
    for file in _file_words(parsed_args):
        try:
            # whatever else a file holds in its place goes to no shell
            uids += [each.uid for each in signatures(file) if _UID_CHARACTERS.issuperset(each.uid)]
        except SealError:
            continue
    return uids


def _file_words(options: argparse.Namespace) -> list[str]:
    """The words that may be files; argcomplete leaves out those that were not typed yet.

    URLs are left out: nobody expects a key to reach for the network.
    """
    words: list[str] = []
    for name in ("words", "files"):
        words += getattr(options, name, None) or ()
    return [word for word in words if URL_SEPARATOR not in word]
