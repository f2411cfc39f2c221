"""What verification says: findings by aspect, in a report; a bad signature is a finding, never an exception."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NoReturn

from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.location import MAIN, Location

if TYPE_CHECKING:
    from dcmseal.model.evidence_record import EvidenceRecord
    from dcmseal.model.signature import CertifiedTime, DigitalSignature


class Verdict(StrEnum):
    """What a signature, or all of a report, comes to."""

    VALID = "valid"
    INVALID = "invalid"
    NOT_ESTABLISHED = "not-established"
    NO_SIGNATURE = "no-signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What a signature protects at its own data set level; tags in data set order.

    ``critical`` are the unsigned ones that change what the object means or whom it belongs to.
    """

    signed: tuple[int, ...] = ()
    unsigned: tuple[int, ...] = ()
    unsignable: tuple[tuple[int, str], ...] = ()
    absent: tuple[int, ...] = ()
    critical: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageGap:
    """Elements that no signature that holds covers: the tags of the sequences they are in and their own, and number."""

    path: tuple[int, ...]
    critical: bool
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCoverage:
    """What of the object the signatures that hold protect together: every output has its numbers from here."""

    covered: int = 0
    elements: int = 0
    """Elements of the main Data Set that can be signed, of which so many are covered; a sequence is one element."""
    critical: int = 0
    """Critical elements at any level that are not covered."""
    others: int = 0
    """Other elements of the main Data Set that are not."""
    gaps: tuple[CoverageGap, ...] = ()
    """The first of what is not covered: critical elements of any level, then others of the main Data Set."""

    @property
    def is_complete(self) -> bool:
        """Whether every element that can be signed is covered, and every critical one."""
        return self.covered == self.elements and not self.critical


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """Which object a report is about: the file, and what its main Data Set says, signed or not."""

    size: int = 0
    """Bytes of the file."""
    sha256: str = ""
    """Digest of the file in hexadecimal; empty if that was not asked for."""
    sop_class: str = ""
    sop_instance: str = ""
    study: str = ""
    series: str = ""
    """UIDs; empty if they are not there, or are no UIDs."""
    patient: tuple[int, ...] = ()
    """Patient's Name and Patient ID, as far as they have a value; the values themselves are kept back."""


class TimeBasis(StrEnum):
    """How the moment is known for which trust in a signer was evaluated."""

    CERTIFIED = "certified"
    """By a certified timestamp that was verified."""
    CLAIMED = "claimed"
    """The signer says so, in Digital Signature DateTime (0400,0105)."""
    NOW = "now"
    """There is no time of signing that can be read: the moment of verification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerTrust:
    """For which moment trust in the signer was evaluated, and by which certificates."""

    moment: dt.datetime
    basis: TimeBasis
    chain: tuple[bytes, ...] = ()
    """DER, the signer's first, the anchor last; empty if none leads to an anchor."""


_DECISIVE = (Aspect.FORM, Aspect.INTEGRITY, Aspect.AUTHENTICITY, Aspect.TRUST)
AUTHORITY_TRUST_CODES = frozenset({"tsa-trust-unknown", "tsa-trust-doubtful"})
"""Codes of findings of aspect TIMESTAMP that are about trust in the authority alone."""
OBJECT_NOT_SIGNED: Final = "object-not-signed"
"""Code of the finding that only items of the object are signed."""


class _DecisiveOutcomes:
    """What findings on some aspects have to come to, so that a signature is valid."""

    def __init__(self, *decisive: Aspect) -> None:
        self.wanted = frozenset((aspect, Outcome.PASSED) for aspect in decisive)
        # a signature needs no timestamp, but one that is there has to be verified
        self.unwanted = frozenset((aspect, Outcome.UNKNOWN) for aspect in (*decisive, Aspect.TIMESTAMP))
        self.fatal = frozenset((aspect, Outcome.FAILED) for aspect in (*decisive, Aspect.TIMESTAMP, Aspect.COVERAGE))


_WITH_TRUST = _DecisiveOutcomes(*_DECISIVE)
_WITHOUT_TRUST = _DecisiveOutcomes(*_DECISIVE[:3])
_OBSTACLES = _WITH_TRUST.fatal | _WITH_TRUST.unwanted


def obstacles_among(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that keep a signature from being VALID, with trust."""
    return tuple([each for each in findings if (each.aspect, each.outcome) in _OBSTACLES])


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureReport:
    """All findings about one signature."""

    signature: DigitalSignature
    findings: tuple[Finding, ...]
    coverage: Coverage | None = None
    profiles: tuple[str, ...] = ()
    trust: SignerTrust | None = None
    """None if trust was not asked for."""
    required_profiles: tuple[tuple[str, Outcome], ...] = ()
    """The profiles that were required by name, and whether it meets them; that decides nothing about itself."""
    certified_time: CertifiedTime | None = None
    """The time in its timestamp, if that is sound; whether its authority is trusted is another question."""

    def outcome(self, aspect: Aspect) -> Outcome:
        """FAILED if any finding of the aspect failed, PASSED if all passed and there is one, else UNKNOWN.

        Findings that say what was not checked do not count.
        """
        outcomes = {finding.outcome for finding in self.findings if finding.aspect is aspect} - {Outcome.NOT_CHECKED}
        if Outcome.FAILED in outcomes:
            return Outcome.FAILED
        return Outcome.PASSED if outcomes == {Outcome.PASSED} else Outcome.UNKNOWN

    def verdict(self, *, integrity_only: bool = False) -> Verdict:
        """VALID only if every decisive aspect passed and nothing about a timestamp is unknown.

        ``integrity_only`` does without trust, in the signer and in the timestamp's authority.
        """
        answers = _WITHOUT_TRUST if integrity_only else _WITH_TRUST
        ignored = AUTHORITY_TRUST_CODES if integrity_only else frozenset[str]()
        found = {(finding.aspect, finding.outcome) for finding in self.findings if finding.code not in ignored}
        if not found.isdisjoint(answers.fatal):
            return Verdict.INVALID
        is_valid = found.issuperset(answers.wanted) and found.isdisjoint(answers.unwanted)
        return Verdict.VALID if is_valid else Verdict.NOT_ESTABLISHED

    def has_unverified_timestamp(self, *, integrity_only: bool = False) -> bool:
        """Whether a timestamp is there that could not be verified, which keeps the signature from being valid."""
        return any(
            each.aspect is Aspect.TIMESTAMP
            and each.outcome is Outcome.UNKNOWN
            and not (integrity_only and each.code in AUTHORITY_TRUST_CODES)
            for each in self.findings
        )

    def protects(self, *, integrity_only: bool = False) -> bool:
        """Whether it counts as cover of what it lists: its MAC matches, and nothing makes it invalid."""
        is_intact = self.outcome(Aspect.INTEGRITY) is Outcome.PASSED
        return is_intact and self.verdict(integrity_only=integrity_only) is not Verdict.INVALID

    def deciding_findings(self, *, integrity_only: bool = False) -> Iterator[Finding]:
        """The findings that keep the signature from being valid: those that failed, or else those that are unknown."""
        verdict = self.verdict(integrity_only=integrity_only)
        answers = _WITHOUT_TRUST if integrity_only else _WITH_TRUST
        if verdict is Verdict.VALID:
            return
        against = answers.fatal if verdict is Verdict.INVALID else answers.unwanted
        yield from (each for each in self.findings if (each.aspect, each.outcome) in against)

    @property
    def obstacle_findings(self) -> tuple[Finding, ...]:
        """The findings that keep it from being VALID, with trust."""
        return obstacles_among(self.findings)

    def __bool__(self) -> NoReturn:
        raise TypeError("a report has no truth value: ask for .verdict() or .outcome(aspect)")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """Findings about all signatures asked for; ``notes`` belong to none of them in particular."""

    signatures: tuple[SignatureReport, ...]
    notes: tuple[Finding, ...] = ()
    skipped: tuple[Location, ...] = ()
    """Levels inside Original Attributes Sequence whose signatures are not verified."""
    unmet: tuple[Finding, ...] = ()
    """What was required of the signatures together, and is not there or not established."""
    references: tuple[Finding, ...] = ()
    """What was found out about the instances that a document cites, if asked for; ``where`` is SOP Instance UID."""
    manifest: tuple[Finding, ...] = ()
    """What a manifest made with one of the signatures says, if one was given; it explains, and decides nothing."""
    integrity_only: bool = False
    instance: Instance = Instance()
    coverage: ObjectCoverage | None = None
    """What of the object is protected; None if that was not asked for, or could not be found out."""
    evidence: EvidenceRecord | None = field(default=None, repr=False, compare=False)
    """What the verdict rests upon, if that was to be kept."""

    @property
    def verdict(self) -> Verdict:
        """INVALID if a signature is, a demand is not met, or cited evidence changed; else the weakest answer.

        NO_SIGNATURE if there is none, whatever is demanded. Of what is cited, COVERAGE decides nothing.
        """
        verdicts = {s.verdict(integrity_only=self.integrity_only) for s in self.signatures}
        unmet = {finding.outcome for finding in self.unmet}
        cited = {each.outcome for each in self.references if each.aspect is not Aspect.COVERAGE} - {Outcome.PASSED}
        noted = {note.outcome for note in self.notes}
        if Verdict.INVALID in verdicts or Outcome.FAILED in noted | cited:
            return Verdict.INVALID
        if not verdicts:
            return Verdict.NO_SIGNATURE
        if Outcome.FAILED in unmet:
            return Verdict.INVALID
        if Verdict.NOT_ESTABLISHED in verdicts or unmet | cited:
            return Verdict.NOT_ESTABLISHED
        return Verdict.VALID

    @property
    def is_object_signed(self) -> bool:
        """Whether a signature of the main Data Set was verified, or the question was about an item alone."""
        return bool(self.signatures) and all(each.code != OBJECT_NOT_SIGNED for each in self.unmet)

    @property
    def is_partial(self) -> bool:
        """Whether signatures that hold leave elements of the main Data Set uncovered, together; for statistics."""
        left: set[int] | None = None
        for each in self.signatures:
            is_main = each.signature.location == MAIN and each.coverage is not None
            if is_main and each.protects(integrity_only=self.integrity_only):
                unsigned = each.coverage.unsigned if each.coverage else ()
                left = set(unsigned) if left is None else left.intersection(unsigned)
                if not left:
                    return False
        return bool(left)

    @property
    def deciding_findings(self) -> tuple[Finding, ...]:
        """The findings that keep the verdict from being valid, the weightiest first.

        That the object is not signed comes before all else that is unknown. It is empty if nothing was found out
        about an aspect that decides, such as trust where no anchor is configured.
        """
        outcome = Outcome.FAILED if self.verdict is Verdict.INVALID else Outcome.UNKNOWN
        found = [each for one in self.signatures for each in one.deciding_findings(integrity_only=self.integrity_only)]
        found += [each for each in self.notes if each.outcome is Outcome.FAILED]
        found += self.unmet
        found += [each for each in self.references if each.aspect is not Aspect.COVERAGE]
        decisive = [each for each in found if each.outcome is outcome]
        return tuple(sorted(decisive, key=lambda each: each.code != OBJECT_NOT_SIGNED))

    def __bool__(self) -> NoReturn:
        raise TypeError("a report has no truth value: ask for .verdict")


__all__ = [
    "MAIN",
    "Aspect",
    "Coverage",
    "CoverageGap",
    "Finding",
    "Instance",
    "Location",
    "ObjectCoverage",
    "Outcome",
    "SignatureReport",
    "SignerTrust",
    "TimeBasis",
    "Verdict",
    "VerificationReport",
]
