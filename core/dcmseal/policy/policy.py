"""A policy: what a recipient demands of the signatures of a Data Set together.

>>> from dcmseal import Policy, verify
>>> policy = Policy.build(require=["purpose:verification or review + base-rsa"], covered=["PatientID", "PixelData"])
>>> report = verify("signed.dcm", policy=policy, integrity_only=True)
>>> report.verdict, [finding.code for finding in report.unmet]
(<Verdict.INVALID: 'invalid'>, ['rule-not-met'])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from dcmseal.errors import UsageError
from dcmseal.plugins.profile import Profile
from dcmseal.policy.rule import Rule, check_coverable, parse_covered_tag

_MAX_RULES: Final = 64
_MAX_SIGNATURES: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What has to be there, of signatures that hold, at the level that is asked about.

    Raises UsageError if it makes no sense.
    """

    rules: tuple[Rule, ...] = ()
    """Each has to be met by one signature; one may meet several."""
    covered: frozenset[int] = frozenset()
    """Elements that have to be signed, by whichever signatures, if they are there."""
    signatures: int = 0
    """How many signatures there have to be."""
    distinct_signers: bool = False
    """These have to be of different signers, and each rule be met by another one."""
    no_unsigned_additions: bool = False
    """The signatures together have to cover every element, so that none was added."""
    timestamps: bool = False
    """Every signature has to have a certified timestamp."""

    def __post_init__(self) -> None:
        if len(self.rules) > _MAX_RULES:
            raise UsageError(f"the policy has more than {_MAX_RULES} rules", hint="leave some out")
        if not 0 <= self.signatures <= _MAX_SIGNATURES:
            raise UsageError("the number of signatures is out of range", hint=f"write one from 1 to {_MAX_SIGNATURES}")
        if self.distinct_signers and max(self.signatures, len(self.rules)) < 2:
            raise UsageError(
                "different signers need at least two signatures or rules", hint="require 2 signatures, or several rules"
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
        """A policy of rules as text or profiles, and of elements by keyword or tag; raises UsageError."""
        return cls(
            rules=tuple(map(to_rule, require)),
            covered=frozenset(parse_covered_tag(each) for each in covered),
            signatures=signatures,
            distinct_signers=distinct_signers,
            no_unsigned_additions=no_unsigned_additions,
            timestamps=timestamps,
        )

    def with_rules(self, rules: Iterable[Rule]) -> Policy:
        """The same, and more rules."""
        return replace(self, rules=(*self.rules, *rules))

    def resolve_profiles(self, find_profile: Callable[[str], Profile]) -> Policy:
        """The same, with profiles in place of their names; raises whatever ``find_profile`` does."""
        return replace(self, rules=tuple(rule.resolve_profiles(find_profile) for rule in self.rules))

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """The profiles that rules name, each once, after ``resolved``."""
        known: list[Profile] = []
        for each in (profile for rule in self.rules for profile in rule.profiles):
            if not isinstance(each, str) and each not in known:
                known.append(each)
        return tuple(known)

    @property
    def needs_timestamps(self) -> bool:
        """Whether timestamps have to be verified."""
        return self.timestamps or any(rule.timestamp for rule in self.rules)


def to_rule(given: str | Profile | Rule) -> Rule:
    """A rule, which may be given as its text, or as the profile to meet; raises UsageError."""
    if isinstance(given, Rule):
        return given
    return Rule.parse(given) if isinstance(given, str) else Rule(profiles=(given,))
