"""The rules of a verification: what was asked, and how strictly it was judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dcmseal.grounds import Rule
from dcmseal.plugins.trust import TrustSettings
from dcmseal.tags import tags_text

if TYPE_CHECKING:
    from dcmseal.engine.policy import Policy
    from dcmseal.engine.verification import Question


def rules_of(trust_settings: TrustSettings, context: Question) -> Mapping[str, Rule]:
    """The rules, by name; files that settings name are no rules, and options of plugins may be secret."""
    return {
        "scheme": trust_settings.scheme,
        "system_anchors": trust_settings.system_anchors,
        "revocation": trust_settings.revocation_mode.value,
        "key_usages": _sorted(trust_settings.key_usages),
        "extended_key_usages": _sorted(trust_settings.extended_key_usages),
        "pinned_certificates": _sorted(trust_settings.pinned_certificates),
        "pinned_subjects": _sorted(trust_settings.pinned_subjects),
        "claimed_time": trust_settings.claimed_time.value,
        "weak": trust_settings.weak.value,
        "timestamp": context.timestamp.mode.value,
        "required": _demands(context.policy) if context.policy else (),
        "accept_old_format": context.accept_old_format,
        "uid": context.uid or "",
        "item": "" if context.location is None else str(context.location),
    }


def differing(own: Mapping[str, Rule], recorded: Mapping[str, Rule]) -> list[str]:
    """The names of the rules that are not the same."""
    return [name for name, rule in own.items() if recorded.get(name) != rule]


def rule_text(setting: Rule | None) -> str:
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


def _demands(policy: Policy) -> tuple[str, ...]:
    """What a policy demands, in the words in which it was demanded."""
    told = [*sorted(map(str, policy.rules))]
    if policy.covered:
        told.append(f"covered: {tags_text(sorted(policy.covered))}")
    if policy.signatures:
        told.append(f"signatures: {policy.signatures}")
    flags = ("distinct_signers", "no_unsigned_additions", "timestamps")
    return (*told, *(flag for flag in flags if getattr(policy, flag)))


def _sorted(names: frozenset[str] | set[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
