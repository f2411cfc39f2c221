"""Check signatures against Digital Signature Profiles (PS3.15 6.3), individually and all of a level together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

from dcmseal.findings import Aspect, Finding, Outcome

if TYPE_CHECKING:
    from dcmseal.plugins.profile import Profile, ProfiledDataset, Requirements, SignatureFacts

_CheckAll: TypeAlias = "Callable[[ProfiledDataset, Sequence[SignatureFacts]], tuple[Finding, ...]]"


class ProfileChecks:
    """Checks signatures against the required profiles.

    Whether any signature meets a required profile is evaluated later, in ``policy.evaluate``.

    Args:
        required: The required profiles.
    """

    def __init__(self, required: tuple[Profile, ...]) -> None:
        self.required = required
        self.has_joint_rules = any(_check_all_method(profile) for profile in required)
        """Whether a profile has rules about all signatures of a level, requested or not."""
        self._broken: list[Finding] = []

    def check(self, view: ProfiledDataset, facts: SignatureFacts, met: tuple[str, ...]) -> ProfileResult:
        """Check a signature against the required profiles.

        Args:
            view: The signed level.
            facts: The signature.
            met: Names of all profiles that the signature meets, for the result.
        """
        findings: list[Finding] = []
        outcomes: list[tuple[str, Outcome]] = []
        for profile in self.required:
            missing = profile.check(view, facts)
            clause = profile.requirements(view).clause or profile.reference
            findings.extend(missing or [_profile_met_finding(profile, clause)])
            outcomes.append((profile.name, _combine_outcomes(missing)))
        return ProfileResult(met=met, required=tuple(outcomes), findings=tuple(findings))

    def check_jointly(self, view: ProfiledDataset, signatures: Sequence[SignatureFacts]) -> None:
        """Check the intact signatures of a level against the rules about all of them.

        Args:
            view: The signed level.
            signatures: Its intact signatures.
        """
        for profile in self.required:
            self._broken.extend(joint_rule_findings(profile, view, signatures))

    def unmet_findings(self) -> tuple[Finding, ...]:
        """Return findings about violated rules about all signatures."""
        return tuple(self._broken)


class ProfileResult(Struct, frozen=True, kw_only=True):
    """The result of checking a signature against profiles."""

    met: tuple[str, ...] = ()
    """Names of the profiles that it meets."""
    required: tuple[tuple[str, Outcome], ...] = ()
    """Names of the required profiles, and whether it meets them."""
    findings: tuple[Finding, ...] = ()
    """Findings about the required profiles."""


NO_PROFILES: Final = ProfileResult()


class LevelProfileChecks:
    """Checks the signatures of one level against profiles, with the requirements computed once for all of them.

    Args:
        view: The signed level.
        profiles: Profiles to report by name if a signature meets them.
        required_checks: Checks against the required profiles.
    """

    def __init__(self, view: ProfiledDataset, profiles: tuple[Profile, ...], required_checks: ProfileChecks) -> None:
        self._view = view
        self._profiles = profiles
        self._required_checks = required_checks
        self._facts: list[SignatureFacts] = []
        self._required: dict[str, Requirements] = {}
        """Requirements on signatures of this level, by profile."""

    def check(self, facts: SignatureFacts) -> ProfileResult:
        """Check a signature against all profiles."""
        self._facts.append(facts)
        uncovered = frozenset(self._view.tags) - facts.elements
        met = tuple(profile.name for profile in self._profiles if self._meets(profile, facts, uncovered))
        return self._required_checks.check(self._view, facts, met)

    def _meets(self, profile: Profile, facts: SignatureFacts, uncovered: frozenset[int]) -> bool:
        """Whether a signature meets a profile; avoids the full check, with its findings, if elements are missing."""
        required = self._required.get(profile.name)
        if required is None:
            required = self._required[profile.name] = profile.requirements(self._view)
        if required.inapplicable or not required.required_tags.isdisjoint(uncovered):
            return False
        return not profile.check(self._view, facts)

    def check_jointly(self, intact: Iterable[bool]) -> frozenset[str]:
        """Check the rules about all signatures of the level, after each of them was checked.

        Args:
            intact: Whether each signature is intact, in the order in which they were checked.

        Returns:
            Names of the profiles whose rules about all signatures are violated.
        """
        with_joint_rules = [
            each for each in self._profiles if _check_all_method(each) and not self._required[each.name].inapplicable
        ]
        if not (with_joint_rules or self._required_checks.has_joint_rules):
            return frozenset()
        signatures = [facts for facts, counts in zip(self._facts, intact, strict=True) if counts]
        self._required_checks.check_jointly(self._view, signatures)
        return frozenset(each.name for each in with_joint_rules if joint_rule_findings(each, self._view, signatures))


def joint_rule_findings(
    profile: Profile, view: ProfiledDataset, signatures: Sequence[SignatureFacts]
) -> tuple[Finding, ...]:
    """Check a profile's rules about all signatures of a level; most profiles have no such rules.

    Args:
        profile: The profile.
        view: The signed level.
        signatures: Its intact signatures.

    Returns:
        Findings about violated rules.
    """
    check_all = _check_all_method(profile)
    return () if check_all is None else check_all(view, signatures)


def _check_all_method(profile: Profile) -> _CheckAll | None:
    """Return the method that distinguishes a DocumentProfile; isinstance would take longer than most checks."""
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
