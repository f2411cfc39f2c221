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
    """Add the options that say where the passphrase is; it is never an argument itself, for all can see those."""
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
    """A passphrase or PIN that was given beforehand.

    It is answered again only after it has proved to be right: a wrong PIN that is tried again locks a card.
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
        """Take note that what it was given for has succeeded."""
        self._is_unconfirmed = False


def load_option_secrets(options: Namespace, *, default_source: PinSource | None = None, account: str = "") -> Secrets:
    """Who answers a backend's requests: the options, ``default_source``, or a person; raises like ``load_secrets``."""
    return load_secrets(parse_pin_source(options) or default_source, account)


def load_secrets(source: PinSource | None, account: str) -> Secrets:
    """Who answers a backend's requests: a source, or a person.

    What is given is read now, not when a device waits for it. ``account`` is the entry in the system's keyring. Raises
    UsageError or PinRejected if it is not there.
    """
    if source is not None:
        return PresetSecret(source.read(account, warn))
    return _prompt_for_secret if sys.stdin is not None and sys.stdin.isatty() else _no_secret


def parse_pin_source(options: Namespace) -> PinSource | None:
    """Where the options say that the passphrase or PIN is; None if they do not."""
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
