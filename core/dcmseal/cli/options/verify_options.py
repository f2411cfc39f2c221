"""The one place where the command line becomes VerifyOptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dcmseal.cli.options.reference_options import build_reference_folders
from dcmseal.cli.options.trust_options import load_certificates
from dcmseal.option_values import read_attributes
from dcmseal.verification.verification_options import VerifyKeywords, VerifyOptions

if TYPE_CHECKING:
    from argparse import Namespace

    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.policy.policy import Policy
    from dcmseal.verification.signer_trust import Trust


def build_verify_options(
    options: Namespace,
    *,
    policy: Policy | None,
    trust: Trust | TrustSettings | None,
    name_profiles: bool,
    count_coverage: bool,
    file_digest: bool,
) -> VerifyOptions:
    """Build the options from the command line and the loaded policy and trust; options have the names of flags.

    Raises:
        UsageError: A value is invalid.
    """
    keywords: dict[str, Any] = read_attributes(options, VerifyKeywords.__annotations__)
    keywords.update(
        location=options.item,
        require=(),
        policy=policy,
        trust=trust,
        timestamp_certificates=load_certificates(options.timestamp_certificate),
        references=build_reference_folders(options.references),
        name_profiles=name_profiles,
        count_coverage=count_coverage,
        file_digest=file_digest,
    )
    return VerifyOptions(**keywords)
