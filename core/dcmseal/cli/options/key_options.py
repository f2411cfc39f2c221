"""The key to sign with: a key URI, or the name of a key in the configuration file."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from dcmseal.config.key_setup import KeySetup
    from dcmseal.config.pin_source import PinSource

KEY_VARIABLE: Final = "DCMSEAL_KEY"


class ChosenKey(NamedTuple):
    """A key URI, and the setup that defines it, if any."""

    uri: str
    setup: KeySetup | None = None

    @property
    def account(self) -> str:
        """The account of its passphrase in the system keyring: the name of the setup, or the URI without its query."""
        return self.setup.name if self.setup else self.uri.partition("?")[0]


class KeyOptions(NamedTuple):
    """The key to sign with, and how to open it."""

    chosen: ChosenKey | None = None
    pin_source: PinSource | None = None
    """Where to find its passphrase or PIN; None to prompt for it."""
    waits_for_device: bool = False
    """Whether to prompt for a card or token that is missing."""

    @property
    def setup(self) -> KeySetup | None:
        """The setup that defines the key, if any."""
        return self.chosen.setup if self.chosen is not None else None


def parse_key_options(options: Namespace) -> KeyOptions:
    """Return the key of --key or $DCMSEAL_KEY, and where to find its passphrase or PIN.

    Raises:
        UsageError: The key or the configuration file is invalid.
    """
    from dcmseal.cli.options.secret_options import parse_pin_source

    word: str | None = options.key or os.environ.get(KEY_VARIABLE)
    chosen = resolve_key(word, options.config) if word else None
    setup_source = chosen.setup.pin_source if chosen is not None and chosen.setup is not None else None
    return KeyOptions(
        chosen=chosen,
        pin_source=parse_pin_source(options) or setup_source,
        waits_for_device=options.wait_for_device,
    )


def resolve_key(word: str, config: str | None) -> ChosenKey:
    """The key of a URI or name; raises UsageError if it is neither a key URI nor the name of a setup."""
    from dcmseal.plugins.key_uri import find_key_scheme

    if find_key_scheme(word) is not None:
        return ChosenKey(word)
    from dcmseal.config.config_file import load_config

    found = load_config(config)
    if word not in found.keys and os.path.isfile(word):
        return ChosenKey(word)  # the registry explains how to write it as a key URI
    setup = found.key_setup(word)
    return ChosenKey(setup.uri, setup)


def require_key(key: ChosenKey | None) -> ChosenKey:
    """The key; raises UsageError if there is none."""
    if key is None:
        raise UsageError(
            "no key given",
            hint="add --key with a key URI, such as pem:key.pem?cert=cert.pem, or with the name of a key in the "
            f"configuration file, or set {KEY_VARIABLE}; --dry-run needs no key",
        )
    return key


def complete_setup_names(parsed_args: Namespace, **_: object) -> list[str]:
    """The names of all setups, for completion."""
    from dcmseal.config.config_file import examine_config
    from dcmseal.errors import SealError

    try:
        return list(examine_config(getattr(parsed_args, "config", None))[0].keys)
    except SealError:
        return []
