"""The settings that a verdict is based on, as text: options, trust and policy."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dcmseal.plugins.report_writer import ReportContext
    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.policy.policy import Policy

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


def build_report_context(options: Namespace) -> ReportContext:
    """Version, time and settings; raises UsageError if the configuration file is invalid."""
    import datetime as dt

    from dcmseal.api.report_files import make_report_context
    from dcmseal.cli.options.policy_options import load_policy
    from dcmseal.cli.options.trust_options import parse_trust_settings

    setup = load_policy(options)
    settings = format_settings(options, setup.trust if setup else "")
    name = (setup.trust if setup else "") or options.trust
    trust = parse_trust_settings(options, name or "")
    if trust is not None:
        of = f" of [trust.{name}]" if name else ""
        known = {label for label, _ in settings}
        settings += [
            (f"{label}{of}", value) for label, value in format_trust_settings(trust) if f"{label}{of}" not in known
        ]
    if setup is not None and options.policy:
        settings += [(f"{label} of [policies.{options.policy}]", value) for label, value in format_policy(setup.policy)]
    return make_report_context(dt.datetime.now(dt.UTC), settings, has_trust=has_trust(options))


def has_trust(options: Namespace) -> bool:
    """Whether the options configure trust, or turn it off."""
    from dcmseal.cli.options.policy_options import load_policy

    if any(getattr(options, each) for each in _TRUST_OPTIONS):
        return True
    setup = load_policy(options)
    return bool(setup and setup.trust)


def format_trust_settings(settings: TrustSettings) -> Iterator[tuple[str, str]]:
    """Trust settings as labels and values."""
    for label, values in (
        ("trust anchors", settings.anchors),
        ("intermediate certificates", settings.intermediates),
        ("certificate revocation lists", settings.crls),
        ("OCSP responses", settings.ocsp_responses),
        ("only certificates", sorted(settings.pinned_certificates)),
        ("only subjects", sorted(settings.pinned_subjects)),
        ("key usage", sorted(settings.key_usages)),
        ("extended key usage", sorted(settings.extended_key_usages)),
    ):
        if values:
            yield label, ", ".join(values)
    if settings.system_anchors:
        yield "trust anchors of the operating system", "used"
    yield "fetching of revocation data", "allowed" if settings.fetch else "not allowed"
    yield "revocation", settings.revocation_mode.value
    yield "expired or revoked since a claimed time", settings.claimed_time.value
    yield "weak algorithms and small keys", settings.weak.value


def format_policy(policy: Policy) -> Iterator[tuple[str, str]]:
    """The requirements of a policy as labels and values."""
    from dcmseal.cli.render.signature_format import format_elements

    for rule in policy.rules:
        yield "required of a signature", str(rule)
    if policy.covered:
        yield "elements that must be covered", ", ".join(format_elements(sorted(policy.covered)))
    if policy.signatures:
        yield "minimum number of signatures", str(policy.signatures)
    for is_demanded, label, value in (
        (policy.distinct_signers, "signers", "must be different"),
        (policy.no_unsigned_additions, "unsigned elements", "not allowed"),
        (policy.timestamps, "certified timestamps", "required for every signature"),
    ):
        if is_demanded:
            yield label, value
