"""The one place where the command line becomes VerifyOptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dcmseal.cli.options.reference_options import build_reference_folders
from dcmseal.option_values import read_attributes
from dcmseal.verification.verification_options import VerifyKeywords, VerifyOptions

if TYPE_CHECKING:
    from argparse import Namespace

    from dcmseal.policy.policy import Policy


def parse_verify_options(options: Namespace, policy: Policy | None) -> VerifyOptions:
    """Return what to verify, without trust and certificates; options have the names of flags.

    Raises:
        UsageError: A value is invalid.
    """
    keywords: dict[str, Any] = read_attributes(options, VerifyKeywords.__annotations__)
    keywords.update(
        location=options.item,
        require=(),
        policy=policy,
        trust=None,
        references=build_reference_folders(options.references),
    )
    return VerifyOptions(**keywords)
