"""Evaluate whether the signatures in a report meet a policy.

Only valid signatures meet requirements. If the validity of a signature is not established, the result is unknown.

>>> from dcmseal import Policy, verify
>>> from dcmseal.policy.evaluate import unmet_findings
>>> report = verify("signed-in-part.dcm", integrity_only=True)
>>> [each.code for each in unmet_findings(Policy(no_unsigned_additions=True, signatures=2), report)]
['too-few-signatures', 'unsigned-additions']
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Final

from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.location import MAIN, Location
from dcmseal.model.report import SignatureReport, VerificationReport
from dcmseal.policy.distinguished_names import parse_name
from dcmseal.policy.match import ElementCoverage, SignatureCandidate, find_candidates, identify_signers
from dcmseal.policy.policy import Policy
from dcmseal.policy.rule import Rule
from dcmseal.tags import format_tags

_WORST_FIRST: Final = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.PASSED)
_CLAUSE: Final = "PS3.3 C.12.1.1.3.1.1"


def unmet_findings(policy: Policy, report: VerificationReport, location: Location = MAIN) -> tuple[Finding, ...]:
    """Evaluate a policy against a report.

    Args:
        policy: The requirements. The verification must have required its profiles.
        report: The result of ``dcmseal.verify``.
        location: The level whose signatures count. Signatures at other levels do not count, because items can be moved
            from one object to another.

    Returns:
        A finding for each requirement that is not met (FAILED), or not known to be met (UNKNOWN).
    """
    return evaluate_policy(policy, report.signatures, location)


def evaluate_policy(policy: Policy, signatures: Iterable[SignatureReport], location: Location) -> tuple[Finding, ...]:
    """Evaluate a policy like ``unmet_findings``, for the reports on all signatures of a file."""
    candidates = find_candidates(signatures, location)
    results = [_RuleResult(rule, candidates) for rule in policy.rules]
    findings = [finding for result in results for finding in result.findings(location)]
    findings += _count_findings(policy, candidates)
    if policy.distinct_signers and len(results) > 1:
        findings += _distinct_findings(results)
    findings += _required_coverage_findings(policy.covered, candidates)
    if policy.no_unsigned_additions:
        findings += _addition_findings(candidates)
    return tuple(findings)


class _RuleResult:
    """Which signatures meet a rule."""

    def __init__(self, rule: Rule, candidates: Sequence[SignatureCandidate]) -> None:
        names = tuple(parse_name(each) for each in rule.signers)
        self._rule = rule
        self._judged = [(each, *_worst_with_reasons(each.iter_unmet(rule, names))) for each in candidates]
        self.outcome = _best(outcome for _, outcome, _ in self._judged)
        """PASSED if a signature meets the rule; UNKNOWN if this cannot be established."""

    def candidates_with(self, *outcomes: Outcome) -> list[SignatureCandidate]:
        """Return the signatures for which the rule has one of these outcomes."""
        return [candidate for candidate, outcome, _ in self._judged if outcome in outcomes]

    def findings(self, location: Location) -> Iterator[Finding]:
        """Report that no signature meets the rule, and what the closest signature lacks."""
        if self.outcome is Outcome.PASSED:
            return
        profile = self._rule.profiles[0] if self._rule.kinds == ("profile",) and len(self._rule.profiles) == 1 else ""
        what = "the rule" if isinstance(profile, str) else profile.title
        message = f"no signature at {location} meets {what}"
        if self.outcome is Outcome.UNKNOWN:
            message = f"it is not established whether a signature at {location} meets {what}"
        judged = [each for each in self._judged if each[1] is self.outcome]
        if judged:
            candidate, _, reasons = min(judged, key=lambda each: len(each[2]))
            # what a valid signature lacks for a profile is reported with that signature
            if isinstance(profile, str) or candidate.validity is not Outcome.PASSED:
                message += f"; the closest one is {candidate.uid or '(without UID)'}: {', '.join(reasons)}"
        if isinstance(profile, str):
            yield _rule_finding(self._rule, self.outcome, message)
        else:
            yield _finding(self.outcome, "profile-not-met", message, profile.name, profile.reference)


def _worst_with_reasons(unmet: Iterable[tuple[Outcome, str]]) -> tuple[Outcome, list[str]]:
    """Combine the parts of a rule that a signature does not meet: the worst outcome, and all reasons."""
    parts = list(unmet)
    worst = min((outcome for outcome, _ in parts), key=_WORST_FIRST.index, default=Outcome.PASSED)
    return worst, [reason for _, reason in parts]


def _best(outcomes: Iterable[Outcome]) -> Outcome:
    return max(outcomes, key=_WORST_FIRST.index, default=Outcome.FAILED)


def _rule_finding(rule: Rule, outcome: Outcome, message: str) -> Finding:
    for kind, code in (
        ("purpose", "purpose-not-met"),
        ("signer", "signer-not-met"),
        ("certificate", "certificate-not-met"),
        ("covers", "covers-not-met"),
        ("timestamp", "timestamp-not-met"),
    ):
        if rule.kinds == (kind,):
            return _finding(outcome, code, message, str(rule))
    return _finding(outcome, "rule-not-met", message, str(rule))


def _count_findings(policy: Policy, candidates: Sequence[SignatureCandidate]) -> Iterator[Finding]:
    valid = [each for each in candidates if each.validity is Outcome.PASSED]
    possibly_valid = [each for each in candidates if each.validity is not Outcome.FAILED]
    if policy.distinct_signers:
        known = len({*identify_signers(each for each in valid if each.is_identified)})
        possible = len({*identify_signers(possibly_valid)})
    else:
        # a copy of a signature has the same UID, because the UID is signed
        known, possible = (len({each.uid for each in group}) for group in (valid, possibly_valid))
    required = policy.signatures
    if known >= required:
        return
    outcome = Outcome.UNKNOWN if possible >= required else Outcome.FAILED
    found = f"found: {known}" + (f", not established: {possible - known}" if possible > known else "")
    if policy.distinct_signers:
        message = f"valid signatures by {required} different signers are required; {found}"
        yield _finding(outcome, "too-few-signers", message)
    else:
        noun = "valid signature is" if required == 1 else "valid signatures are"
        message = f"{required} {noun} required; {found}"
        yield _finding(outcome, "too-few-signatures", message)


def _distinct_findings(results: Sequence[_RuleResult]) -> Iterator[Finding]:
    """Report if the rules cannot each be assigned to a different signer."""
    known = [[each for each in result.candidates_with(Outcome.PASSED) if each.is_identified] for result in results]
    if _has_distinct_assignment(known):
        return
    possible = [result.candidates_with(Outcome.PASSED, Outcome.UNKNOWN) for result in results]
    outcome = Outcome.UNKNOWN if _has_distinct_assignment(possible) else Outcome.FAILED
    if outcome in {result.outcome for result in results}:
        return  # the rule that is not met has a finding of its own
    if outcome is Outcome.UNKNOWN:
        message = "it is not established whether each rule is met by a different signer"
    else:
        message = "the rules are not each met by a different signer"
    yield _finding(outcome, "signers-not-distinct", message)


def _has_distinct_assignment(choices_by_rule: Sequence[Sequence[SignatureCandidate]]) -> bool:
    """Whether each rule can be assigned to a different signer (a bipartite matching)."""
    by_id = {id(each): each for candidates in choices_by_rule for each in candidates}
    signers = dict(zip(by_id, identify_signers(by_id.values()), strict=True))
    choices = [{signers[id(each)] for each in candidates} for candidates in choices_by_rule]
    assigned: dict[Hashable, int] = {}

    def assign(rule: int, tried: set[Hashable]) -> bool:
        for signer in choices[rule]:
            if signer in tried:
                continue
            tried.add(signer)
            if signer not in assigned or assign(assigned[signer], tried):
                assigned[signer] = rule
                return True
        return False

    return all(assign(rule, set()) for rule in range(len(choices)))


def _required_coverage_findings(covered: Iterable[int], candidates: Sequence[SignatureCandidate]) -> Iterator[Finding]:
    outcomes = {tag: _best(_worse(each.validity, each.covers(tag)) for each in candidates) for tag in sorted(covered)}
    for outcome, message in (
        (Outcome.FAILED, "no valid signature covers required elements"),
        (Outcome.UNKNOWN, "it is not established whether a valid signature covers required elements"),
    ):
        tags = [tag for tag, each in outcomes.items() if each is outcome]
        if tags:
            yield _coverage_finding(outcome, "required-not-covered", message, format_tags(tags))


def _addition_findings(candidates: Sequence[SignatureCandidate]) -> Iterator[Finding]:
    examined = [(each.validity, each.coverage) for each in candidates if each.coverage is not None]
    # the elements that are present are the same for all signatures of a level
    level = examined[0][1] if examined else ElementCoverage()
    present = level.signed | level.unsigned
    covered = _union_tags(examined, Outcome.PASSED)
    uncovered = present - covered - _union_tags(examined, Outcome.UNKNOWN)
    unknown = (present - covered - uncovered) | level.unsignable
    unknown |= {tag for each in candidates for tag in each.misplaced_elements}
    if uncovered or not examined:
        message = "elements that no valid signature covers may have been added or changed"
        where = format_tags(sorted(uncovered))
        yield _coverage_finding(Outcome.FAILED, "unsigned-additions", message, where)
    if unknown:
        message = "elements that cannot be signed, or whose signatures are not established, may have been added"
        where = format_tags(sorted(unknown))
        yield _coverage_finding(Outcome.UNKNOWN, "unsigned-additions", message, where)


def _union_tags(examined: Iterable[tuple[Outcome, ElementCoverage]], validity: Outcome) -> frozenset[int]:
    return frozenset[int]().union(*(coverage.signed for outcome, coverage in examined if outcome is validity))


def _worse(one: Outcome, other: Outcome) -> Outcome:
    return min(one, other, key=_WORST_FIRST.index)


def _finding(outcome: Outcome, code: str, message: str, where: str = "", clause: str = "") -> Finding:
    return Finding(aspect=Aspect.CONFORMANCE, outcome=outcome, code=code, message=message, where=where, clause=clause)


def _coverage_finding(outcome: Outcome, code: str, message: str, where: str) -> Finding:
    return Finding(aspect=Aspect.COVERAGE, outcome=outcome, code=code, message=message, where=where, clause=_CLAUSE)
