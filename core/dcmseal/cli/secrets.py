"""Where passphrases and PINs come from: the environment, a file, a file descriptor, or whoever sits at the terminal."""

from __future__ import annotations

import os
import stat
import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Final

from dcmseal.cli.output import warn
from dcmseal.cli.parser import Parser
from dcmseal.cli.text import printable
from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from dcmseal.plugins.protocols import SecretRequest, Secrets

_MOST_BYTES: Final = 1 << 16
_ATTEMPTS: Final = 3


def add_arguments(parser: Parser) -> None:
    """Add the options that say where the passphrase is; it is never an argument itself, for all can see those."""
    group = parser.add_argument_group(
        "passphrase or PIN of the key", "asked for if standard input is a terminal and none of these is given"
    ).add_mutually_exclusive_group()
    group.add_argument("--passphrase-env", metavar="VAR", help="an environment variable has it")
    group.add_argument("--passphrase-file", metavar="FILE", help="the first line of a file is it")
    group.add_argument("--passphrase-fd", metavar="N", type=int, help="the first line of a file descriptor is it")


def secrets_of(options: Namespace) -> Secrets:
    """Who answers a backend's requests.

    What is given is read now, not when a device waits for it, and answered once only: a wrong PIN that is tried again
    locks a card. Raises UsageError if it is not there.
    """
    secret = _given(options)
    if secret is None:
        return _asked if sys.stdin is not None and sys.stdin.isatty() else _none
    return lambda request: secret if request.attempt == 1 else None


def _given(options: Namespace) -> str | None:
    if options.passphrase_env is not None:
        secret = os.environ.get(options.passphrase_env)
        if secret is None:
            raise UsageError(f"there is no environment variable {options.passphrase_env}", hint="set it, and export it")
        return secret
    if options.passphrase_file is not None:
        return _first_line(options.passphrase_file)
    if options.passphrase_fd is not None:
        return _first_line(options.passphrase_fd)
    return None


def _first_line(source: str | int) -> str:
    name = f"file descriptor {source}" if isinstance(source, int) else source
    try:
        with open(source, "rb", closefd=not isinstance(source, int)) as file:
            if isinstance(source, str):
                _warn_if_open_to_others(source, os.fstat(file.fileno()))
            line = file.readline(_MOST_BYTES)
        secret = line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageError(f"the passphrase in {name} is not in UTF-8", hint="save it in UTF-8") from None
    except (OSError, OverflowError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "there is no such thing"
        raise UsageError(f"the passphrase cannot be read from {name}: {reason}", hint="check the name") from None
    if not secret:
        raise UsageError(f"there is no passphrase in {name}", hint="it has to be the first line")
    return secret


def _warn_if_open_to_others(name: str, status: os.stat_result) -> None:
    if os.name == "posix" and stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
        warn(f"others can read {name}: chmod 600 keeps it to yourself")


def _asked(request: SecretRequest) -> str | None:
    if request.attempt > _ATTEMPTS:
        return None
    import getpass

    again = "" if request.attempt == 1 else " (wrong; once more)"
    try:
        return getpass.getpass(f"Passphrase or PIN of {printable(request.purpose)}{again}: ") or None
    except EOFError:
        return None


def _none(_: SecretRequest) -> None:
    return None
