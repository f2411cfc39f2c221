"""A policy: what a recipient requires of the signatures of a Data Set together.

>>> from dcmseal import Policy, verify
>>> policy = Policy.build(require=["purpose:verification or review + base-rsa"], covered=["PatientID", "PixelData"])
>>> report = verify("signed.dcm", policy=policy, integrity_only=True)
>>> report.verdict, [finding.code for finding in report.unmet]
(<Verdict.INVALID: 'invalid'>, ['rule-not-met'])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.errors import UsageError
from dcmseal.plugins.profile import Profile
from dcmseal.policy.rule import Rule, check_coverable, parse_covered_tag

_MAX_RULES: Final = 64
_MAX_SIGNATURES: Final = 1000


class Policy(Struct, frozen=True, kw_only=True):
    """Requirements on the valid signatures of one level.

    Raises:
        UsageError: A requirement cannot be met, or a number is out of range.
    """

    rules: tuple[Rule, ...] = ()
    """Rules, each of which one signature must meet; a signature may meet several."""
    covered: frozenset[int] = frozenset()
    """Tags of elements that signatures must cover if they are present."""
    signatures: int = 0
    """The minimum number of signatures."""
    distinct_signers: bool = False
    """Whether the signatures must be by different signers, and each rule be met by a different signer."""
    no_unsigned_additions: bool = False
    """Whether the signatures together must cover all elements, so that none can have been added."""
    timestamps: bool = False
    """Whether every signature must have a certified timestamp."""

    def __post_init__(self) -> None:
        if len(self.rules) > _MAX_RULES:
            raise UsageError(f"the policy has more than {_MAX_RULES} rules", hint="remove some of them")
        if not 0 <= self.signatures <= _MAX_SIGNATURES:
            raise UsageError(
                "the number of signatures is out of range", hint=f"use a number from 1 to {_MAX_SIGNATURES}"
            )
        if self.distinct_signers and max(self.signatures, len(self.rules)) < 2:
            raise UsageError(
                "different signers require at least two signatures or rules",
                hint="require 2 signatures, or several rules",
            )
        check_coverable(self.covered)

    @classmethod
    def build(
        cls,
        *,
        require: Iterable[str | Profile | Rule] = (),
        covered: Iterable[str | int] = (),
        signatures: int = 0,
        distinct_signers: bool = False,
        no_unsigned_additions: bool = False,
        timestamps: bool = False,
    ) -> Policy:
        """Build a policy from text and other convenient types.

        Args:
            require: Rules, as text in the syntax of ``Rule.parse``, or profiles.
            covered: Elements that signatures must cover if they are present, by keyword or tag.
            signatures: The minimum number of signatures.
            distinct_signers: Require different signers, and that each rule is met by a different signer.
            no_unsigned_additions: Require that the signatures together cover all elements.
            timestamps: Require a certified timestamp on every signature.

        Raises:
            UsageError: A rule or an element is invalid, or a requirement cannot be met.
        """
        return cls(
            rules=tuple(map(to_rule, require)),
            covered=frozenset(parse_covered_tag(each) for each in covered),
            signatures=signatures,
            distinct_signers=distinct_signers,
            no_unsigned_additions=no_unsigned_additions,
            timestamps=timestamps,
        )

    def with_rules(self, rules: Iterable[Rule]) -> Policy:
        """Return a policy with additional rules."""
        return replace(self, rules=(*self.rules, *rules))

    def resolve_profiles(self, find_profile: Callable[[str], Profile]) -> Policy:
        """Return a policy with profiles instead of their names; raises the errors of ``find_profile``."""
        return replace(self, rules=tuple(rule.resolve_profiles(find_profile) for rule in self.rules))

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """The profiles in the rules, without duplicates; names are omitted until ``resolve_profiles``."""
        known: list[Profile] = []
        for each in (profile for rule in self.rules for profile in rule.profiles):
            if not isinstance(each, str) and each not in known:
                known.append(each)
        return tuple(known)

    @property
    def needs_timestamps(self) -> bool:
        """Whether timestamps must be verified to evaluate the policy."""
        return self.timestamps or any(rule.timestamp for rule in self.rules)


def to_rule(rule: str | Profile | Rule) -> Rule:
    """Convert text, or a profile that must be met, to a rule.

    Raises:
        UsageError: The text is not a rule.
    """
    if isinstance(rule, Rule):
        return rule
    return Rule.parse(rule) if isinstance(rule, str) else Rule(profiles=(rule,))
