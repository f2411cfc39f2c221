"""Whether the signatures of a report meet a policy: what is not there, or not established, as findings.

Only a signature that holds meets anything. One that is not established leaves open what it would meet.

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


def unmet_findings(policy: Policy, report: VerificationReport, at: Location = MAIN) -> tuple[Finding, ...]:
    """Evaluate a policy against a report.

    Args:
        policy: the requirements. Its profiles must have been required when the report was made.
        report: the result of ``dcmseal.verify``.
        at: the level whose signatures count. A signature at another level does not count, because items can be moved
            from one object to another.

    Returns:
        A finding for each requirement that is not met (FAILED) or not known to be met (UNKNOWN).
    """
    return evaluate_policy(policy, report.signatures, at)


def evaluate_policy(policy: Policy, signatures: Iterable[SignatureReport], at: Location) -> tuple[Finding, ...]:
    """Do the same as ``unmet_findings``, with the reports of all signatures."""
    here = find_candidates(signatures, at)
    answers = [_RuleResult(rule, here) for rule in policy.rules]
    findings = [finding for answer in answers for finding in answer.findings(at)]
    findings += _count_findings(policy, here)
    if policy.distinct_signers and len(answers) > 1:
        findings += _distinct_findings(answers)
    findings += _required_coverage_findings(policy.covered, here)
    if policy.no_unsigned_additions:
        findings += _addition_findings(here)
    return tuple(findings)


class _RuleResult:
    """How each signature meets a rule."""

    def __init__(self, rule: Rule, here: Sequence[SignatureCandidate]) -> None:
        names = tuple(parse_name(each) for each in rule.signers)
        self._rule = rule
        self._judged = [(candidate, *_worst_with_reasons(candidate.iter_unmet(rule, names))) for candidate in here]
        self.outcome = _best(outcome for _, outcome, _ in self._judged)
        """PASSED if a signature meets it, UNKNOWN if one may."""

    def candidates_with(self, *outcomes: Outcome) -> list[SignatureCandidate]:
        """The signatures that come to one of these."""
        return [candidate for candidate, outcome, _ in self._judged if outcome in outcomes]

    def findings(self, at: Location) -> Iterator[Finding]:
        """What is missing, and what the signature lacks that comes nearest."""
        if self.outcome is Outcome.PASSED:
            return
        profile = self._rule.profiles[0] if self._rule.kinds == ("profile",) and len(self._rule.profiles) == 1 else ""
        what = "the rule" if isinstance(profile, str) else profile.title
        message = f"no signature at {at} meets {what}"
        if self.outcome is Outcome.UNKNOWN:
            message = f"it is not established that a signature at {at} meets {what}"
        judged = [each for each in self._judged if each[1] is self.outcome]
        if judged:
            candidate, _, lacking = min(judged, key=lambda each: len(each[2]))
            # what it lacks for a profile stands with the signature
            if isinstance(profile, str) or candidate.validity is not Outcome.PASSED:
                message += f"; the closest is {candidate.uid or '(without UID)'}: {', '.join(lacking)}"
        if isinstance(profile, str):
            yield _rule_finding(self._rule, self.outcome, message)
        else:
            yield _finding(self.outcome, "profile-not-met", message, profile.name, profile.reference)


def _worst_with_reasons(lacking: Iterable[tuple[Outcome, str]]) -> tuple[Outcome, list[str]]:
    """What a signature comes to that lacks this, and all the reasons."""
    parts = list(lacking)
    return min((outcome for outcome, _ in parts), key=_WORST_FIRST.index, default=Outcome.PASSED), [
        why for _, why in parts
    ]


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


def _count_findings(policy: Policy, here: Sequence[SignatureCandidate]) -> Iterator[Finding]:
    sure = [each for each in here if each.validity is Outcome.PASSED]
    most = [each for each in here if each.validity is not Outcome.FAILED]
    if policy.distinct_signers:
        known = len({*identify_signers(each for each in sure if each.is_identified)})
        possible = len({*identify_signers(most)})
    else:
        # whoever copies a signature copies its UID, which is signed
        known, possible = (len({each.uid for each in those}) for those in (sure, most))
    wanted = policy.signatures
    if known >= wanted:
        return
    outcome = Outcome.UNKNOWN if possible >= wanted else Outcome.FAILED
    doubt = f"; {possible - known} more are not established" if possible > known else ""
    if policy.distinct_signers:
        message = f"the valid signatures are by {known} different signers, and {wanted} are required{doubt}"
        yield _finding(outcome, "too-few-signers", message)
    else:
        message = f"{known} signatures are valid, and {wanted} are required{doubt}"
        yield _finding(outcome, "too-few-signatures", message)


def _distinct_findings(answers: Sequence[_RuleResult]) -> Iterator[Finding]:
    """Whether each rule can be met by another signer."""
    known = [[each for each in answer.candidates_with(Outcome.PASSED) if each.is_identified] for answer in answers]
    if _has_distinct_assignment(known):
        return
    possible = [answer.candidates_with(Outcome.PASSED, Outcome.UNKNOWN) for answer in answers]
    outcome = Outcome.UNKNOWN if _has_distinct_assignment(possible) else Outcome.FAILED
    if outcome in {answer.outcome for answer in answers}:
        return  # a rule that is not met says so itself
    if outcome is Outcome.UNKNOWN:
        message = "it is not established that different signers meet the rules"
    else:
        message = "the rules are not met by different signers"
    yield _finding(outcome, "signers-not-distinct", message)


def _has_distinct_assignment(meeting: Sequence[Sequence[SignatureCandidate]]) -> bool:
    """Whether there is another signer for each rule, given the signatures that meet it: a bipartite matching."""
    everybody = {id(each): each for candidates in meeting for each in candidates}
    signers = dict(zip(everybody, identify_signers(everybody.values()), strict=True))
    choices = [{signers[id(each)] for each in candidates} for candidates in meeting]
    taken: dict[Hashable, int] = {}

    def place(rule: int, tried: set[Hashable]) -> bool:
        for signer in choices[rule]:
            if signer in tried:
                continue
            tried.add(signer)
            if signer not in taken or place(taken[signer], tried):
                taken[signer] = rule
                return True
        return False

    return all(place(rule, set()) for rule in range(len(choices)))


def _required_coverage_findings(covered: Iterable[int], here: Sequence[SignatureCandidate]) -> Iterator[Finding]:
    outcomes = {tag: _best(_worse(each.validity, each.covers(tag)) for each in here) for tag in sorted(covered)}
    for outcome, message in (
        (Outcome.FAILED, "required elements are not protected by a valid signature"),
        (Outcome.UNKNOWN, "it is not established that a valid signature protects required elements"),
    ):
        tags = [tag for tag, each in outcomes.items() if each is outcome]
        if tags:
            yield _coverage_finding(outcome, "required-not-covered", message, format_tags(tags))


def _addition_findings(here: Sequence[SignatureCandidate]) -> Iterator[Finding]:
    left = [(each.validity, each.coverage) for each in here if each.coverage is not None]
    # all signatures of a level see the same elements
    there = left[0][1] if left else ElementCoverage()
    covered = frozenset[int]().union(*(covering.signed for holds, covering in left if holds is Outcome.PASSED))
    perhaps = frozenset[int]().union(*(covering.signed for holds, covering in left if holds is Outcome.UNKNOWN))
    added = (there.signed | there.unsigned) - covered - perhaps
    doubtful = ((there.signed | there.unsigned) - covered - added) | there.unsignable
    doubtful |= {tag for each in here for tag in each.misplaced_elements}
    if added or not left:
        message = "elements that no valid signature protects may have been added or changed"
        where = format_tags(sorted(added))
        yield _coverage_finding(Outcome.FAILED, "unsigned-additions", message, where)
    if doubtful:
        message = "elements that cannot be signed, or whose signature is not established, may have been added"
        where = format_tags(sorted(doubtful))
        yield _coverage_finding(Outcome.UNKNOWN, "unsigned-additions", message, where)


def _worse(one: Outcome, other: Outcome) -> Outcome:
    return min(one, other, key=_WORST_FIRST.index)


def _finding(outcome: Outcome, code: str, message: str, where: str = "", clause: str = "") -> Finding:
    return Finding(aspect=Aspect.CONFORMANCE, outcome=outcome, code=code, message=message, where=where, clause=clause)


def _coverage_finding(outcome: Outcome, code: str, message: str, where: str) -> Finding:
    return Finding(aspect=Aspect.COVERAGE, outcome=outcome, code=code, message=message, where=where, clause=_CLAUSE)
