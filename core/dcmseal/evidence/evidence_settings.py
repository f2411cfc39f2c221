"""The settings of a verification, as an evidence file records them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dcmseal.model.evidence_record import SettingValue
from dcmseal.plugins.trust import TrustSettings
from dcmseal.tags import format_tags

if TYPE_CHECKING:
    from dcmseal.policy.policy import Policy
    from dcmseal.verification.verification_context import VerificationContext


def build_settings(trust_settings: TrustSettings, context: VerificationContext) -> Mapping[str, SettingValue]:
    """Collect the settings that affect a verdict.

    File names are not included, and neither are options of plugins, which may be secret.

    Args:
        trust_settings: The trust settings.
        context: The options of the verification.

    Returns:
        The settings by name.
    """
    return {
        "scheme": trust_settings.scheme,
        "system_anchors": trust_settings.system_anchors,
        "revocation": trust_settings.revocation_mode.value,
        "key_usages": _to_sorted_tuple(trust_settings.key_usages),
        "extended_key_usages": _to_sorted_tuple(trust_settings.extended_key_usages),
        "pinned_certificates": _to_sorted_tuple(trust_settings.pinned_certificates),
        "pinned_subjects": _to_sorted_tuple(trust_settings.pinned_subjects),
        "claimed_time": trust_settings.claimed_time.value,
        "weak": trust_settings.weak.value,
        "timestamp": context.timestamp.mode.value,
        "required": _format_policy(context.policy) if context.policy else (),
        "accept_old_format": context.accept_old_format,
        "uid": context.uid or "",
        "location": "" if context.location is None else str(context.location),
    }


def differing_settings(own: Mapping[str, SettingValue], recorded: Mapping[str, SettingValue]) -> list[str]:
    """List the names of settings whose values differ."""
    return [name for name, value in own.items() if recorded.get(name) != value]


def format_setting(setting: SettingValue | None) -> str:
    """Format the value of a setting for people."""
    match setting:
        case None | "" | ():
            return "none"
        case bool():
            return "yes" if setting else "no"
        case str():
            return setting.replace("_", " ")
        case _:
            return ", ".join(each.replace("_", " ") for each in setting)


def _format_policy(policy: Policy) -> tuple[str, ...]:
    """Format the requirements of a policy."""
    requirements = [*sorted(map(str, policy.rules))]
    if policy.covered:
        requirements.append(f"covered: {format_tags(sorted(policy.covered))}")
    if policy.signatures:
        requirements.append(f"signatures: {policy.signatures}")
    flags = ("distinct_signers", "no_unsigned_additions", "timestamps")
    return (*requirements, *(flag for flag in flags if getattr(policy, flag)))


def _to_sorted_tuple(names: frozenset[str] | set[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
