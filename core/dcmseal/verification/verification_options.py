"""The options of ``verify`` and ``verify_many``: what to verify, and how strictly.

>>> VerifyOptions(location="main", timestamp="ignore")
VerifyOptions(location=Location(steps=()), timestamp=<TimestampMode.IGNORE: 'ignore'>)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import force_setattr

from dcmseal.errors import UsageError
from dcmseal.location import Location, parse_location
from dcmseal.option_values import build_options, format_options, parse_options, to_tuple
from dcmseal.sources.reference_folders import ReferenceFolders, References, to_reference_folders

if TYPE_CHECKING:
    from dcmseal.plugins.profile import Profile
    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.policy.policy import Policy
    from dcmseal.policy.rule import Rule
    from dcmseal.verification.signer_trust import Trust


class TimestampMode(StrEnum):
    """How to treat certified timestamps."""

    VERIFY = "verify"
    """Verify timestamps, but do not require them."""
    REQUIRE = "require"
    """Require a valid timestamp on every signature."""
    IGNORE = "ignore"
    """Do not verify timestamps."""


class VerifyKeywords(TypedDict, total=False):
    """The options of ``verify`` and ``verify_many`` as callers can write them; see VerifyOptions."""

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


class VerifyOptions(Struct, frozen=True, kw_only=True):
    """The options of ``verify`` and ``verify_many``, parsed and checked.

    The keyword ``require`` adds rules to ``policy``: names of profiles, paths of profile files, or rules in the syntax
    of ``Rule.parse``. One signature has to meet each rule.

    Raises:
        UsageError: An option is invalid, or options contradict each other.
    """

    uid: str | None = None
    """Verify only the signature with this Digital Signature UID."""
    location: Location | None = None
    """Verify only the signatures at this location; None for all levels."""
    policy: Policy | None = None
    """Requirements on the signatures of the main Data Set, or of ``location``, together."""
    integrity_only: bool = False
    """Check integrity only; do not require a trusted signer."""
    accept_old_format: bool = False
    """Accept signatures in the fragment format of DCMTK before 3.5.4."""
    trust: Trust | TrustSettings | None = None
    """Which signers to trust; None leaves trust unknown. For several calls, pass ``open_trust(settings)``, which loads
    the files once."""
    timestamp: TimestampMode = TimestampMode.VERIFY
    """Whether to verify, require or ignore certified timestamps."""
    timestamp_certificates: tuple[bytes, ...] = ()
    """DER certificates of timestamp authorities, for timestamps without a certificate; they are not trusted."""
    references: ReferenceFolders | None = None
    """Folders with the instances that a document cites as evidence, to check for changes (PS3.3 C.17.2.1)."""
    now: datetime | None = None
    """The time of verification; None for the time in ``trust``, or else the current time."""
    name_profiles: bool = False
    """Report which profiles each signature meets, which loads plugins."""
    count_coverage: bool = False
    """Report how many elements of the object signatures cover, and which they do not."""
    file_digest: bool = False
    """Report the SHA-256 of the file, which reads the file once more."""

    require: tuple[str | Rule | Profile, ...] = ()
    """Rules to add to ``policy``; empty afterwards."""

    if TYPE_CHECKING:

        def __init__(self, **keywords: Unpack[VerifyKeywords]) -> None: ...

    def __post_init__(self) -> None:
        parse_options(self, _PARSERS)
        if self.require != ():
            force_setattr(self, "policy", _add_rules(self.policy, self.require))
            force_setattr(self, "require", ())
        if self.policy is not None and self.policy.needs_timestamps and self.timestamp is TimestampMode.IGNORE:
            raise UsageError(
                "the policy requires timestamps, but timestamps are ignored", hint="omit one of the two options"
            )

    @classmethod
    def build(cls, options: VerifyOptions | None, keywords: VerifyKeywords) -> VerifyOptions:
        """Build options from keywords.

        Args:
            options: The options to start from; None for the defaults.
            keywords: Options that replace them; ``require`` adds rules.
        """
        return build_options(cls, options, keywords)

    def replace(self, **keywords: Unpack[VerifyKeywords]) -> VerifyOptions:
        """Copy the options, with those in ``keywords`` replaced; ``require`` adds rules."""
        return build_options(VerifyOptions, self, keywords)

    def __repr__(self) -> str:
        return format_options(self, hidden=("timestamp_certificates",))


def _add_rules(policy: Policy | None, rules: Any) -> Policy | None:
    """Add rules to a policy; None if there are neither."""
    is_iterable = hasattr(rules, "__iter__") and not isinstance(rules, str)
    added: tuple[Any, ...] = tuple(rules) if is_iterable else (rules,)
    if not added:
        return policy
    from dcmseal.policy.policy import Policy, to_rule
    from dcmseal.policy.rule import Rule

    for each in added:
        if not isinstance(each, (str, Rule)) and not hasattr(each, "requirements"):
            raise UsageError(f"require cannot be a {type(each).__name__}", hint="give profile names or rules")
    return (policy or Policy()).with_rules(map(to_rule, added))


def _parse_policy(policy: object) -> Policy | None:
    if policy is None:
        return None
    from dcmseal.policy.policy import Policy

    if not isinstance(policy, Policy):
        hint = "load it from the configuration: policy=load_config().policy_setup(NAME).policy"
        raise UsageError(f"policy must be a Policy, not {policy!r}", hint=hint)
    return policy


def _parse_trust(trust: object) -> Trust | TrustSettings | None:
    if trust is None:
        return None
    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.verification.signer_trust import Trust

    if not isinstance(trust, (Trust, TrustSettings)):
        hint = "load it from the configuration: trust=load_config().trust_setup(NAME)"
        raise UsageError(f"trust must be TrustSettings, not {trust!r}", hint=hint)
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
