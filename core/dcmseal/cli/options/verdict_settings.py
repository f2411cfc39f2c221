"""The settings that a verdict is based on: options, policy and trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from dcmseal.cli.options.trust_options import parse_trust_settings

if TYPE_CHECKING:
    from argparse import Namespace

    from dcmseal.config.policy_setup import PolicySetup
    from dcmseal.plugins.trust import TrustSettings

_OPTION_LABELS: Final = (
    ("uid", "only the signature"),
    ("item", "only signatures at"),
    ("trust", "trust setup"),
    ("trust_anchor", "trust anchors"),
    ("system_anchors", "trust anchors of the operating system"),
    ("intermediate", "intermediate certificates"),
    ("crl", "certificate revocation lists"),
    ("ocsp_response", "OCSP responses"),
    ("fetch", "fetching of revocation data"),
    ("fetch_issuers", "fetching of issuers"),
    ("revocation", "revocation"),
    ("claimed_time", "expired or revoked since a claimed time"),
    ("pin_certificate", "only certificates"),
    ("pin_subject", "only subjects"),
    ("key_usage", "key usage"),
    ("extended_key_usage", "extended key usage"),
    ("accept_weak", "weak algorithms and small keys"),
    ("integrity_only", "trust in the signer"),
    ("timestamp", "certified timestamps"),
    ("timestamp_certificate", "certificates of timestamp authorities"),
    ("policy", "policy"),
    ("require", "required of a signature"),
    ("require_covered", "elements that must be covered"),
    ("require_signatures", "minimum number of signatures"),
    ("distinct_signers", "signers"),
    ("no_unsigned_additions", "unsigned elements"),
    ("evidence", "evidence"),
    ("trust_evidence_moment", "time of the evidence"),
    ("trust_evidence_anchors", "anchors of the evidence"),
    ("manifest", "manifest"),
    ("references", "folders with referenced instances"),
    ("accept_old_format", "the fragment format of DCMTK before 3.5.4"),
    ("follow_links", "links to files outside of folders"),
    ("config", "configuration file"),
    ("shard", "part of the archive"),
)
_TRUST_OPTIONS: Final = ("trust", "trust_anchor", "system_anchors", "integrity_only")
"""Options that configure trust, or turn it off."""
FLAG_TEXTS: Final = {
    "system_anchors": "used",
    "fetch": "allowed",
    "fetch_issuers": "allowed",
    "distinct_signers": "must be different",
    "no_unsigned_additions": "not allowed",
    "trust_evidence_moment": "trusted",
    "trust_evidence_anchors": "trusted",
    "accept_weak": "accepted",
    "integrity_only": "not checked (integrity only)",
    "accept_old_format": "accepted",
    "follow_links": "followed",
}


class VerdictSettings(Struct, frozen=True, kw_only=True):
    """The settings that a verdict is based on."""

    options: tuple[tuple[str, str], ...] = ()
    """The options that affect the verdict, as labels and values."""
    policy: PolicySetup | None = None
    policy_name: str = ""
    """The name of the policy in the configuration file."""
    trust: TrustSettings | None = None
    trust_name: str = ""
    """The name of the trust setup in the configuration file."""
    has_trust: bool = False
    """Whether trust is configured or turned off."""


def parse_verdict_settings(options: Namespace, policy: PolicySetup | None) -> VerdictSettings:
    """Return the settings of the options and of the policy; raises UsageError if they contradict each other."""
    policy_trust = policy.trust if policy is not None else ""
    return VerdictSettings(
        options=tuple(format_settings(options, policy_trust)),
        policy=policy,
        policy_name=options.policy or "",
        trust=parse_trust_settings(options, policy_trust),
        trust_name=policy_trust or options.trust or "",
        has_trust=bool(policy_trust) or any(getattr(options, each) for each in _TRUST_OPTIONS),
    )


def format_settings(options: Namespace, trust: str = "") -> list[tuple[str, str]]:
    """The options that affect the verdict, as labels and values; ``trust`` is the trust setup of the policy."""
    settings: list[tuple[str, str]] = []
    for name, label in _OPTION_LABELS:
        value: object = getattr(options, name, None)
        if value is True:
            settings.append((label, FLAG_TEXTS[name]))
        elif isinstance(value, list):
            settings += [(label, ", ".join(map(str, value)))] if value else []  # pyright: ignore[reportUnknownArgumentType] - a list of anything
        elif value:
            settings.append((label, str(value)))
    if not (trust or any(getattr(options, each) for each in _TRUST_OPTIONS)):
        settings.append(("trust in the signer", "no trust anchor is configured"))
    return settings
