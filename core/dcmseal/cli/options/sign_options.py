"""The one place where the command line becomes SignOptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dcmseal.cli.options.reference_options import build_reference_folders
from dcmseal.cli.options.tag_lists import load_tags, parse_tags
from dcmseal.cli.options.timestamp_options import parse_timestamp_request
from dcmseal.option_values import read_attributes
from dcmseal.signing.signing_options import SignKeywords, SignOptions

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from dcmseal.batch.tasks.skip_rule import SkipRule
    from dcmseal.config.key_setup import KeySetup


def parse_sign_options(options: Namespace, setup: KeySetup | None) -> SignOptions:
    """Return how to sign, with the defaults of the key's setup; options have the names of flags.

    Raises:
        UsageError: A value is invalid.
    """
    keywords: dict[str, Any] = read_attributes(options, SignKeywords.__annotations__)
    keywords["location"] = options.item
    keywords["tags"] = _load_tags(options)
    keywords["algorithm"] = options.mac
    keywords["transfer_syntax"] = options.mac_syntax
    keywords["references"] = build_reference_folders(options.references)
    keywords["timestamp"] = parse_timestamp_request(options)
    if setup is not None:
        # defaults for options that the command line does not set
        defaults = read_attributes(setup, SignKeywords.__annotations__)
        keywords.update({name: value for name, value in defaults.items() if not keywords.get(name)})
    # all other options have the defaults of SignOptions
    return SignOptions(**{name: value for name, value in keywords.items() if value is not None})


def parse_skip_rules(words: Sequence[str]) -> tuple[SkipRule, ...]:
    """Return the rules for files to skip; raises UsageError."""
    if not words:
        return ()
    from dcmseal.batch.tasks.skip_rule import SkipRule

    return tuple(map(SkipRule.parse, words))


def _load_tags(options: Namespace) -> list[str] | None:
    """The selected elements; None without a selection."""
    if not options.tag and options.tags_from is None:
        return None
    listed = [] if options.tags_from is None else load_tags(options.tags_from)
    return [*parse_tags(options.tag), *listed]
