"""The rules of a verification: what was asked, and how strictly it was judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dcmseal.model.evidence_record import SettingValue
from dcmseal.plugins.trust import TrustSettings
from dcmseal.tags import format_tags

if TYPE_CHECKING:
    from dcmseal.policy.policy import Policy
    from dcmseal.verification.context import VerificationContext


def build_settings(trust_settings: TrustSettings, context: VerificationContext) -> Mapping[str, SettingValue]:
    """The rules, by name; files that settings name are no rules, and options of plugins may be secret."""
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
        "item": "" if context.location is None else str(context.location),
    }


def differing_settings(own: Mapping[str, SettingValue], recorded: Mapping[str, SettingValue]) -> list[str]:
    """The names of the rules that are not the same."""
    return [name for name, rule in own.items() if recorded.get(name) != rule]


def format_setting(setting: SettingValue | None) -> str:
    """A rule in words."""
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
    """What a policy demands, in the words in which it was demanded."""
    told = [*sorted(map(str, policy.rules))]
    if policy.covered:
        told.append(f"covered: {format_tags(sorted(policy.covered))}")
    if policy.signatures:
        told.append(f"signatures: {policy.signatures}")
    flags = ("distinct_signers", "no_unsigned_additions", "timestamps")
    return (*told, *(flag for flag in flags if getattr(policy, flag)))


def _to_sorted_tuple(names: frozenset[str] | set[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
