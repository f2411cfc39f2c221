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


def rules_of(settings: TrustSettings, question: Question) -> Mapping[str, Rule]:
    """The rules, by name; files that settings name are no rules, and options of plugins may be secret."""
    return {
        "scheme": settings.scheme,
        "system_anchors": settings.system_anchors,
        "revocation": settings.revocation_rule.value,
        "key_usages": _sorted(settings.key_usages),
        "extended_key_usages": _sorted(settings.extended_key_usages),
        "pinned_certificates": _sorted(settings.pinned_certificates),
        "pinned_subjects": _sorted(settings.pinned_subjects),
        "claimed_time": settings.claimed_time.value,
        "weak": settings.weak.value,
        "timestamp": question.timestamp.rule.value,
        "required": _demands(question.policy) if question.policy else (),
        "accept_old_format": question.accept_old_format,
        "uid": question.uid or "",
        "item": "" if question.location is None else str(question.location),
    }


def differing(own: Mapping[str, Rule], kept: Mapping[str, Rule]) -> list[str]:
    """The names of the rules that are not the same."""
    return [name for name, rule in own.items() if kept.get(name) != rule]


def rule_text(rule: Rule | None) -> str:
    """A rule in words."""
    match rule:
        case None | "" | ():
            return "none"
        case bool():
            return "yes" if rule else "no"
        case str():
            return rule.replace("_", " ")
        case _:
            return ", ".join(each.replace("_", " ") for each in rule)


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
