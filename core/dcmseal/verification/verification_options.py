"""What is verified and how strictly it is judged: the options of ``verify`` and ``verify_many``.

>>> VerifyOptions(location="main", timestamp="ignore")
VerifyOptions(location=Location(steps=()), timestamp=<TimestampMode.IGNORE: 'ignore'>)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

from dcmseal.errors import UsageError
from dcmseal.location import Location, parse_location
from dcmseal.option_values import build_options, format_options, set_options, to_tuple
from dcmseal.sources.reference_folders import ReferenceFolders, References, to_reference_folders

if TYPE_CHECKING:
    from dcmseal.plugins.profile import Profile
    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.policy.policy import Policy
    from dcmseal.policy.rule import Rule
    from dcmseal.verification.signer_trust import Trust


class TimestampMode(StrEnum):
    """What verification does with certified timestamps."""

    VERIFY = "verify"
    """Verify those that exist."""
    REQUIRE = "require"
    """Require a valid one of every signature."""
    IGNORE = "ignore"


class VerifyKeywords(TypedDict, total=False):
    """The options of ``verify`` and ``verify_many`` as callers may write them; see VerifyOptions."""

    uid: str | None
    location: Location | str | None
    require: str | Profile | Rule | Iterable[str | Profile | Rule]
    """More rules, for ``policy``."""
    policy: Policy | None
    integrity_only: bool
    accept_old_format: bool
    trust: Trust | TrustSettings | None
    timestamp: TimestampMode | str
    timestamp_certificates: bytes | Iterable[bytes]
    references: References | None
    now: datetime | None
    name_profiles: bool
    count_coverage: bool
    file_digest: bool


@dataclass(frozen=True, slots=True, init=False, repr=False)
class VerifyOptions:
    """The options of ``verify`` and ``verify_many``, read and checked.

    The keyword ``require`` adds rules to ``policy``: names of profiles, profile files, or rules as Rule.parse reads
    them, each to be met by one signature.

    Raises:
        UsageError: A value cannot be read, or values contradict each other, whatever the Data Set.
    """

    uid: str | None = None
    """Verify the signature with this Digital Signature UID only."""
    location: Location | None = None
    """Verify the signatures at this location only; None for every level."""
    policy: Policy | None = None
    """What is required of the signatures together: those at the main level, or at ``location``."""
    integrity_only: bool = False
    """Check integrity only; do not require a trusted signer."""
    accept_old_format: bool = False
    """Accept signatures in the fragment format of DCMTK before 3.5.4."""
    trust: Trust | TrustSettings | None = None
    """Which signers to trust; None leaves trust unknown. ``open_trust(settings)`` reads the files once for
    several calls."""
    timestamp: TimestampMode = TimestampMode.VERIFY
    """Whether certified timestamps are verified, required or ignored."""
    timestamp_certificates: tuple[bytes, ...] = field(default=(), repr=False)
    """DER certificates of timestamp authorities, for timestamps without one; they are not trusted."""
    references: ReferenceFolders | None = None
    """Folders with the instances that a document cites as evidence, to compare with (PS3.3 C.17.2.1)."""
    now: datetime | None = None
    """The moment of verification; None for that of ``trust``, or else of the clock."""
    name_profiles: bool = True
    """Report which profiles are met. False saves loading plugins."""
    count_coverage: bool = False
    """Report how many elements of the object are protected, and which are not."""
    file_digest: bool = False
    """Report the SHA-256 of the file, which reads the file once more."""

    def __init__(self, **keywords: Unpack[VerifyKeywords]) -> None:
        values: dict[str, object] = {**keywords}
        rules = values.pop("require", ())
        set_options(self, values, _PARSERS)
        object.__setattr__(self, "policy", _add_rules(self.policy, rules))
        if self.policy is not None and self.policy.needs_timestamps and self.timestamp is TimestampMode.IGNORE:
            raise UsageError("the policy requires timestamps, which are to be ignored", hint="leave out one of the two")

    @classmethod
    def build(cls, options: VerifyOptions | None, keywords: VerifyKeywords) -> VerifyOptions:
        """Build options from other options and keywords, which take precedence."""
        return build_options(cls, options, keywords)

    def replace(self, **keywords: Unpack[VerifyKeywords]) -> VerifyOptions:
        """Copy the options, with keywords in place of theirs; ``require`` adds rules."""
        return build_options(VerifyOptions, self, keywords)

    def __repr__(self) -> str:
        return format_options(self)


def _add_rules(policy: Policy | None, rules: Any) -> Policy | None:
    """The policy and further rules; None if there are neither."""
    is_several = hasattr(rules, "__iter__") and not isinstance(rules, str)
    several: tuple[Any, ...] = tuple(rules) if is_several else (rules,)
    if not several:
        return policy
    from dcmseal.policy.policy import Policy, to_rule
    from dcmseal.policy.rule import Rule

    for each in several:
        if not isinstance(each, (str, Rule)) and not hasattr(each, "requirements"):
            raise UsageError(f"require cannot be a {type(each).__name__}", hint="give names of profiles, or rules")
    return (policy or Policy()).with_rules(map(to_rule, several))


def _parse_policy(policy: object) -> Policy | None:
    if policy is None:
        return None
    from dcmseal.policy.policy import Policy

    if not isinstance(policy, Policy):
        hint = "read it from the configuration: policy=load_config().policy_setup(NAME).policy"
        raise UsageError(f"policy has to be a Policy, not {policy!r}", hint=hint)
    return policy


def _parse_trust(trust: object) -> Trust | TrustSettings | None:
    if trust is None:
        return None
    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.verification.signer_trust import Trust

    if not isinstance(trust, (Trust, TrustSettings)):
        hint = "read it from the configuration: trust=load_config().trust_setup(NAME)"
        raise UsageError(f"trust has to be TrustSettings, not {trust!r}", hint=hint)
    return trust


def _parse_timestamp_mode(mode: TimestampMode | str) -> TimestampMode:
    try:
        return TimestampMode(mode)
    except ValueError:
        raise UsageError(f"unknown timestamp mode {mode!r}", hint=f"use one of {', '.join(TimestampMode)}") from None


def _parse_uid(uid: object) -> str | None:
    if uid is None or isinstance(uid, str):
        return uid
    raise TypeError


_PARSERS: Final[Mapping[str, Callable[[Any], object]]] = {
    "uid": _parse_uid,
    "location": parse_location,
    "policy": _parse_policy,
    "trust": _parse_trust,
    "timestamp": _parse_timestamp_mode,
    "timestamp_certificates": lambda given: to_tuple(given, single=(bytes,)),
    "references": to_reference_folders,
}
