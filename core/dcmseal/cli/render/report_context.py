"""The settings that a verdict is based on, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dcmseal.cli.options.verdict_settings import VerdictSettings
    from dcmseal.plugins.report_writer import ReportContext
    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.policy.policy import Policy


def build_report_context(settings: VerdictSettings) -> ReportContext:
    """Version, time and settings."""
    import datetime as dt

    from dcmseal.api.report_files import make_report_context

    texts = [*settings.options]
    if settings.trust is not None:
        of = f" of [trust.{settings.trust_name}]" if settings.trust_name else ""
        known = {label for label, _ in texts}
        texts += [
            (f"{label}{of}", value)
            for label, value in format_trust_settings(settings.trust)
            if f"{label}{of}" not in known
        ]
    if settings.policy is not None and settings.policy_name:
        of = f" of [policies.{settings.policy_name}]"
        texts += [(f"{label}{of}", value) for label, value in format_policy(settings.policy.policy)]
    return make_report_context(dt.datetime.now(dt.UTC), texts, has_trust=settings.has_trust)


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
