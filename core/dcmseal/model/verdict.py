"""Verdicts: findings determine the verdict on a signature; signatures and other findings determine that on a file.

Exit codes are derived from these verdicts (``dcmseal.exit_codes``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import Final

from dcmseal.findings import Aspect, Finding, Outcome


class Verdict(StrEnum):
    """The result of a verification, for one signature or for a file."""

    VALID = "valid"
    INVALID = "invalid"
    NOT_ESTABLISHED = "not-established"
    """Nothing is known to be invalid, but something that affects the verdict could not be established."""
    NO_SIGNATURE = "no-signature"


INTACT_ASPECTS: Final = (Aspect.FORM, Aspect.INTEGRITY, Aspect.AUTHENTICITY)
"""A signature is intact if these passed, whether or not its signer is trusted."""
_OPTIONAL_ASPECTS: Final = frozenset({Aspect.TIMESTAMP, Aspect.CONFORMANCE})
"""A signature needs no timestamp, and no profile unless one is required."""
AUTHORITY_TRUST_CODES: Final = frozenset({"tsa-trust-unknown", "tsa-trust-not-established"})
"""Codes of TIMESTAMP findings that are only about trust in the timestamp authority."""
OBJECT_NOT_SIGNED: Final = "object-not-signed"
"""Code of the finding that only items of the object are signed."""


class _Criteria:
    """Which findings determine the verdict on a signature."""

    def __init__(self, *decisive: Aspect, ignored_codes: frozenset[str] = frozenset()) -> None:
        self.ignored_codes = ignored_codes
        self.required = frozenset((aspect, Outcome.PASSED) for aspect in decisive)
        # a signature needs no timestamp, but an existing timestamp must be verified
        self.open = frozenset((aspect, Outcome.UNKNOWN) for aspect in (*decisive, Aspect.TIMESTAMP))
        self.fatal = frozenset((aspect, Outcome.FAILED) for aspect in (*decisive, Aspect.TIMESTAMP, Aspect.COVERAGE))

    def judge(self, findings: Iterable[Finding]) -> Verdict:
        ignored = self.ignored_codes
        found = {(finding.aspect, finding.outcome) for finding in findings if finding.code not in ignored}
        if not found.isdisjoint(self.fatal):
            return Verdict.INVALID
        is_valid = found.issuperset(self.required) and found.isdisjoint(self.open)
        return Verdict.VALID if is_valid else Verdict.NOT_ESTABLISHED


_WITH_TRUST: Final = _Criteria(*INTACT_ASPECTS, Aspect.TRUST)
_WITHOUT_TRUST: Final = _Criteria(*INTACT_ASPECTS, ignored_codes=AUTHORITY_TRUST_CODES)
_OBSTACLES: Final = _WITH_TRUST.fatal | _WITH_TRUST.open


def judge_aspect(findings: Iterable[Finding], aspect: Aspect) -> Outcome:
    """Combine the findings of one aspect.

    Returns:
        FAILED if one failed; UNKNOWN if one is unknown; PASSED if everything that was checked passed; NOT_CHECKED if
        nothing was checked. Without findings: NOT_CHECKED for TIMESTAMP and CONFORMANCE, UNKNOWN for other aspects.
    """
    outcomes = [finding.outcome for finding in findings if finding.aspect is aspect]
    return _combine_outcomes(aspect, outcomes)


def judge_aspects(findings: Iterable[Finding]) -> dict[Aspect, Outcome]:
    """Combine the findings of each aspect, as ``judge_aspect`` does for one."""
    outcomes: dict[Aspect, list[Outcome]] = {aspect: [] for aspect in Aspect}
    for finding in findings:
        outcomes[finding.aspect].append(finding.outcome)
    return {aspect: _combine_outcomes(aspect, found) for aspect, found in outcomes.items()}


def _combine_outcomes(aspect: Aspect, outcomes: Sequence[Outcome]) -> Outcome:
    for outcome in (Outcome.FAILED, Outcome.UNKNOWN, Outcome.PASSED, Outcome.NOT_CHECKED):
        if outcome in outcomes:
            return outcome
    return Outcome.NOT_CHECKED if aspect in _OPTIONAL_ASPECTS else Outcome.UNKNOWN


def is_intact(findings: Collection[Finding]) -> bool:
    """Whether FORM, INTEGRITY and AUTHENTICITY passed."""
    return all(judge_aspect(findings, aspect) is Outcome.PASSED for aspect in INTACT_ASPECTS)


def judge_signature(findings: Iterable[Finding], *, integrity_only: bool) -> Verdict:
    """Determine the verdict on a signature.

    Args:
        findings: All findings about the signature.
        integrity_only: Ignore trust in the signer and in the timestamp authority.

    Returns:
        VALID only if every decisive aspect passed and nothing about a timestamp is unknown.
    """
    return (_WITHOUT_TRUST if integrity_only else _WITH_TRUST).judge(findings)


def select_deciding(findings: Collection[Finding], *, integrity_only: bool) -> tuple[Finding, ...]:
    """Select the findings that keep a signature from being valid: those that failed, or else those that are unknown.

    Args:
        findings: All findings about the signature.
        integrity_only: Ignore trust in the signer and in the timestamp authority.
    """
    criteria = _WITHOUT_TRUST if integrity_only else _WITH_TRUST
    verdict = criteria.judge(findings)
    if verdict is Verdict.VALID:
        return ()
    against = criteria.fatal if verdict is Verdict.INVALID else criteria.open
    ignored = criteria.ignored_codes
    return tuple([each for each in findings if (each.aspect, each.outcome) in against and each.code not in ignored])


def select_obstacles(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Select the findings that keep a signature from being valid where trust is required."""
    return tuple([each for each in findings if (each.aspect, each.outcome) in _OBSTACLES])


def judge_report(
    signatures: Iterable[Verdict], *, notes: Iterable[Finding], unmet: Iterable[Finding], references: Iterable[Finding]
) -> Verdict:
    """Determine the verdict on a file.

    Args:
        signatures: The verdicts on its signatures.
        notes: Findings that do not belong to a signature.
        unmet: Findings about requirements on the signatures together.
        references: Findings about cited instances; those of aspect COVERAGE do not affect the verdict.

    Returns:
        INVALID if a signature is invalid, a requirement is not met, or a cited instance changed; NO_SIGNATURE
        without a signature, regardless of requirements; otherwise the weakest verdict on a signature.
    """
    verdicts = set(signatures)
    missing = {finding.outcome for finding in unmet}
    cited = {each.outcome for each in references if each.aspect is not Aspect.COVERAGE} - {Outcome.PASSED}
    noted = {note.outcome for note in notes}
    if Verdict.INVALID in verdicts or Outcome.FAILED in noted | cited:
        return Verdict.INVALID
    if not verdicts:
        return Verdict.NO_SIGNATURE
    if Outcome.FAILED in missing:
        return Verdict.INVALID
    if Verdict.NOT_ESTABLISHED in verdicts or missing | cited:
        return Verdict.NOT_ESTABLISHED
    return Verdict.VALID
