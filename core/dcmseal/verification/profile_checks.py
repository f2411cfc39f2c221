"""Signatures held against Digital Signature Profiles (PS3.15 6.3): each by itself, and all of a level together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from dcmseal.findings import Aspect, Finding, Outcome

if TYPE_CHECKING:
    from dcmseal.plugins.profile import Profile, ProfiledDataset, Requirements, SignatureFacts

_CheckAll: TypeAlias = "Callable[[ProfiledDataset, Sequence[SignatureFacts]], tuple[Finding, ...]]"


class ProfileChecks:
    """The profiles that are required: each signature is held against them, and all of a level against rules about all.

    Whether some signature meets them is for the policy to say (``engine.demands``).
    """

    def __init__(self, required: tuple[Profile, ...]) -> None:
        self.required = required
        self.has_joint_rules = any(_check_all_method(profile) for profile in required)
        """Whether all signatures of a level matter, whichever are asked about."""
        self._broken: list[Finding] = []

    def check(self, view: ProfiledDataset, facts: SignatureFacts, met: tuple[str, ...]) -> ProfileResult:
        """What a signature lacks for the required profiles; a PASSED for each that it meets. ``met`` are any others."""
        findings: list[Finding] = []
        outcomes: list[tuple[str, Outcome]] = []
        for profile in self.required:
            missing = profile.check(view, facts)
            clause = profile.requirements(view).clause or profile.reference
            findings.extend(missing or [_profile_met_finding(profile, clause)])
            outcomes.append((profile.name, _combine_outcomes(missing)))
        return ProfileResult(met=met, required=tuple(outcomes), findings=tuple(findings))

    def check_jointly(self, view: ProfiledDataset, sound: Sequence[SignatureFacts]) -> None:
        """Hold the sound signatures of a level against the rules about all of them."""
        for profile in self.required:
            self._broken.extend(joint_rule_findings(profile, view, sound))

    def unmet_findings(self) -> tuple[Finding, ...]:
        """The rules about all signatures that are broken."""
        return tuple(self._broken)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileResult:
    """A signature, held against profiles."""

    met: tuple[str, ...] = ()
    """The names of those that it meets."""
    required: tuple[tuple[str, Outcome], ...] = ()
    """Those that are required, and whether it meets them."""
    findings: tuple[Finding, ...] = ()
    """What it lacks for the required ones."""


NO_PROFILES: Final = ProfileResult()


class LevelProfileChecks:
    """The profiles that the signatures of one level meet; the level is looked at once for all of them."""

    def __init__(self, view: ProfiledDataset, profiles: tuple[Profile, ...], required_checks: ProfileChecks) -> None:
        self._view = view
        self._profiles = profiles
        self._required_checks = required_checks
        self._facts: list[SignatureFacts] = []
        self._required: dict[str, Requirements] = {}
        """Of signatures at this level, by profile."""

    def check(self, facts: SignatureFacts) -> ProfileResult:
        """Which profiles a signature meets, and what it lacks for the required ones."""
        self._facts.append(facts)
        uncovered = frozenset(self._view.tags) - facts.elements
        met = tuple(profile.name for profile in self._profiles if self._meets(profile, facts, uncovered))
        return self._required_checks.check(self._view, facts, met)

    def _meets(self, profile: Profile, facts: SignatureFacts, uncovered: frozenset[int]) -> bool:
        """Whether a check finds nothing: where much is missing, nobody has asked for a list of it."""
        required = self._required.get(profile.name)
        if required is None:
            required = self._required[profile.name] = profile.requirements(self._view)
        if required.inapplicable or not required.required_tags.isdisjoint(uncovered):
            return False
        return not profile.check(self._view, facts)

    def check_jointly(self, intact: Iterable[bool]) -> frozenset[str]:
        """Check the rules about all signatures of the level, after each of them was checked.

        Args:
            intact: whether each signature is intact, in the order in which they were checked.

        Returns:
            The names of profiles whose rules about all signatures are broken.
        """
        strict = [
            each for each in self._profiles if _check_all_method(each) and not self._required[each.name].inapplicable
        ]
        if not (strict or self._required_checks.has_joint_rules):
            return frozenset()
        signatures = [facts for facts, counts in zip(self._facts, intact, strict=True) if counts]
        self._required_checks.check_jointly(self._view, signatures)
        return frozenset(each.name for each in strict if joint_rule_findings(each, self._view, signatures))


def joint_rule_findings(
    profile: Profile, view: ProfiledDataset, signatures: Sequence[SignatureFacts]
) -> tuple[Finding, ...]:
    """Which of a profile's rules about all signatures of a level are broken; most profiles have none."""
    check_all = _check_all_method(profile)
    return () if check_all is None else check_all(view, signatures)


def _check_all_method(profile: Profile) -> _CheckAll | None:
    """The method that makes a DocumentProfile: asking for the protocol itself would take longer than most checks."""
    return getattr(profile, "check_all", None)


def _combine_outcomes(missing: Iterable[Finding]) -> Outcome:
    outcomes = {finding.outcome for finding in missing}
    if Outcome.FAILED in outcomes:
        return Outcome.FAILED
    return Outcome.UNKNOWN if outcomes else Outcome.PASSED


def _profile_met_finding(profile: Profile, clause: str) -> Finding:
    message = f"the signature meets {profile.title}"
    return Finding(
        aspect=Aspect.CONFORMANCE,
        outcome=Outcome.PASSED,
        code="profile-met",
        message=message,
        where=profile.name,
        clause=clause,
    )
