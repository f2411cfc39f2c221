"""Options for the passphrase or PIN of a key, and the prompt for it."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Final

from dcmseal.cli.parser import Parser
from dcmseal.cli.render.screens import warn
from dcmseal.cli.render.text_layout import escape_unprintable

if TYPE_CHECKING:
    from dcmseal.config.pin_source import PinSource
    from dcmseal.plugins.signer_backend import SecretRequest, Secrets

_MAX_ATTEMPTS: Final = 3


def add_secret_options(parser: Parser) -> None:
    """Add the options for the source of the passphrase, which is never an argument: other users can see arguments."""
    group = parser.add_argument_group(
        "passphrase or PIN of the key", "without these options, dcmseal prompts for it if standard input is a terminal"
    ).add_mutually_exclusive_group()
    group.add_argument("--passphrase-env", metavar="VAR", help="read it from an environment variable")
    group.add_argument("--passphrase-file", metavar="FILE", help="read it from the first line of a file")
    group.add_argument(
        "--passphrase-fd", metavar="N", type=int, help="read it from the first line of a file descriptor"
    )
    group.add_argument(
        "--passphrase-keyring", metavar="SERVICE", help="read it from this service of the system keyring"
    )


class PresetSecret:
    """A passphrase or PIN that was read in advance.

    It is used again only after it was confirmed, because repeating a wrong PIN locks a card.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._is_unconfirmed = False

    def __call__(self, request: SecretRequest) -> str | None:
        if self._is_unconfirmed or request.attempt > 1:
            return None
        self._is_unconfirmed = True
        return self._secret

    def confirm(self) -> None:
        """Record that the passphrase or PIN was accepted."""
        self._is_unconfirmed = False


def load_secrets(source: PinSource | None, account: str) -> Secrets:
    """Answer a backend's requests from a source, or else by a prompt.

    The source is read now, not while a device waits for it.

    Args:
        source: Where to find the passphrase or PIN; None to prompt for it.
        account: The account of the keyring's service.

    Raises:
        UsageError: The source cannot be read.
        PinRejected: The keyring cannot be read, or has no entry.
    """
    if source is not None:
        return PresetSecret(source.read(account, warn))
    return _prompt_for_secret if sys.stdin is not None and sys.stdin.isatty() else _no_secret


def parse_pin_source(options: Namespace) -> PinSource | None:
    """The source of the passphrase or PIN that the options name; None without one."""
    from dcmseal.config.pin_source import PinKind, PinSource

    for kind, name in (
        (PinKind.ENVIRONMENT, options.passphrase_env),
        (PinKind.FILE, options.passphrase_file),
        (PinKind.DESCRIPTOR, options.passphrase_fd),
        (PinKind.KEYRING, options.passphrase_keyring),
    ):
        if name is not None:
            return PinSource(kind=kind, name=str(name))
    return None


def _prompt_for_secret(request: SecretRequest) -> str | None:
    if request.attempt > _MAX_ATTEMPTS:
        return None
    import getpass

    again = "" if request.attempt == 1 else " (wrong, try again)"
    try:
        return getpass.getpass(f"Passphrase or PIN of {escape_unprintable(request.purpose)}{again}: ") or None
    except EOFError:
        return None


def _no_secret(_: SecretRequest) -> None:
    return None
