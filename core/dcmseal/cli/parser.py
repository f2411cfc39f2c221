"""Parsers of command lines: errors are UsageError, and every command's help ends with examples."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NoReturn

from dcmseal.cli.completers import complete_uids, set_completer
from dcmseal.cli.standard_streams import NULL_STREAM, standard_output
from dcmseal.errors import UsageError
from dcmseal.urls import URL_SEPARATOR

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

_MIN_WIDTH, _MAX_WIDTH = 60, 110
_UNRECOGNIZED: Final = "unrecognized arguments: "
_MISSING: Final = "the following arguments are required: "
_INVALID_CHOICE: Final = re.compile(r"argument (.+?): invalid choice: (.+) \(choose from (.*)\)")
_INVALID_NUMBER: Final = re.compile(r"argument (.+?): invalid (?:int|float) value: (.+)")
_MIN_PREFIX: Final = 4


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
        raise self._unknown_option(message) or self._reword(message)

    def _reword(self, message: str) -> UsageError:
        """The error for a message of argparse, with the values that an argument accepts."""
        if match := _INVALID_CHOICE.fullmatch(message):
            name, value, known = match[1], match[2], match[3].replace("'", "")
            return UsageError(f"unknown value {value} for {name}", hint=f"use one of: {known}")
        if match := _INVALID_NUMBER.fullmatch(message):
            return UsageError(f"{match[1]} requires a number, not {match[2]}", hint=f"see {self.prog} --help")
        if message.startswith(_MISSING):
            return UsageError(f"missing argument: {message.removeprefix(_MISSING)}", hint=f"see {self.prog} --help")
        return UsageError(message, hint=f"see {self.prog} --help")

    def _unknown_option(self, message: str) -> UsageError | None:
        """The error for an option that the command does not have; None if the message is about something else."""
        if not message.startswith(_UNRECOGNIZED):
            return None
        words = message.removeprefix(_UNRECOGNIZED).split()
        option = next((word.partition("=")[0] for word in words if word.startswith("-")), None)
        if option is None:
            return UsageError(f"unexpected argument {words[0]!r}", hint=f"see {self.prog} --help")
        near = suggest(option, self._option_string_actions)
        return UsageError(
            f"unknown option {option}", hint=f"did you mean {near}?" if near else f"see {self.prog} --help"
        )

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


def suggest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant; None if none is similar. Dashes do not make options similar."""
    from difflib import get_close_matches

    names = {name.lstrip("-"): name for name in known}
    word = word.lstrip("-")
    begun = [name for name in names if len(word) >= _MIN_PREFIX and name.startswith(word)]
    near = next(iter(begun or get_close_matches(word, names, 1)), None)
    return None if near is None else names[near]
