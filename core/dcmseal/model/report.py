"""What verification says: findings by aspect, in a report; a bad signature is a finding, never an exception."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn, Protocol

from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.location import MAIN, Location
from dcmseal.model.verdict import (
    AUTHORITY_TRUST_CODES,
    OBJECT_NOT_SIGNED,
    Verdict,
    is_intact,
    judge_aspect,
    judge_report,
    judge_signature,
    select_deciding,
    select_obstacles,
)

if TYPE_CHECKING:
    from dcmseal.model.evidence_record import EvidenceRecord
    from dcmseal.model.signature import CertifiedTime, DigitalSignature


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

    def __repr__(self) -> str:
        counts = ((name, len(getattr(self, name))) for name in self.__slots__)
        return f"Coverage({', '.join(f'{count} {name}' for name, count in counts if count)})"


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
    gaps: tuple[CoverageGap, ...] = field(default=(), repr=False)
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


class SignerCertificate(Protocol):
    """What a signer's certificate says."""

    @property
    def subject(self) -> str:
        """The subject as an RFC 4514 string; empty if there is none, or it cannot be read."""
        ...

    @property
    def issuer(self) -> str:
        """The issuer as an RFC 4514 string; empty if there is none, or it cannot be read."""
        ...

    @property
    def serial_number(self) -> int:
        """The serial number, unique for its issuer."""
        ...

    @property
    def not_before(self) -> dt.datetime:
        """The beginning of its validity period."""
        ...

    @property
    def not_after(self) -> dt.datetime:
        """The end of its validity period."""
        ...

    @property
    def sha256(self) -> str:
        """Its fingerprint: the SHA-256 of the DER, in hexadecimal."""
        ...

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        ...

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        ...


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
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    """DER, the signer's first, the anchor last; empty if none leads to an anchor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureReport:
    """All findings about one signature."""

    signature: DigitalSignature
    findings: tuple[Finding, ...]
    integrity_only: bool = False
    """Whether the verdict ignores trust in the signer and in the timestamp authority."""
    coverage: Coverage | None = None
    profiles: tuple[str, ...] = ()
    """Names of the profiles that it meets."""
    trust: SignerTrust | None = None
    """None if trust was not requested."""
    required_profiles: tuple[tuple[str, Outcome], ...] = ()
    """The profiles that were required by name, and whether it meets them; they do not change its verdict."""
    certificate: SignerCertificate | None = field(default=None, compare=False)
    """The signer's certificate; None if it cannot be read. ``signature.certificate`` has its bytes."""
    certified_time: CertifiedTime | None = None
    """The time in its timestamp, if the timestamp was verified; its authority need not be trusted."""

    @property
    def signer_name(self) -> str:
        """The subject of the signer's certificate as an RFC 4514 string; empty if it cannot be read.

        Anybody can issue a certificate with any name: the name counts only if TRUST passed.
        """
        return self.certificate.subject if self.certificate else ""

    @property
    def verdict(self) -> Verdict:
        """VALID only if every decisive aspect passed and nothing about a timestamp is unknown."""
        return judge_signature(self.findings, integrity_only=self.integrity_only)

    @property
    def integrity_verdict(self) -> Verdict:
        """The verdict that ignores trust, whether or not trust was requested."""
        return judge_signature(self.findings, integrity_only=True)

    @property
    def is_intact(self) -> bool:
        """Whether FORM, INTEGRITY and AUTHENTICITY passed, whether or not its signer is trusted."""
        return is_intact(self.findings)

    @property
    def protects(self) -> bool:
        """Whether the elements that it lists count as covered: its MAC matches, and it is not invalid."""
        return self.outcome(Aspect.INTEGRITY) is Outcome.PASSED and self.verdict is not Verdict.INVALID

    @property
    def has_unverified_timestamp(self) -> bool:
        """Whether it has a timestamp that could not be verified, which keeps it from being valid."""
        ignored = AUTHORITY_TRUST_CODES if self.integrity_only else frozenset[str]()
        return any(
            each.aspect is Aspect.TIMESTAMP and each.outcome is Outcome.UNKNOWN and each.code not in ignored
            for each in self.findings
        )

    @property
    def deciding_findings(self) -> tuple[Finding, ...]:
        """The findings that keep it from being valid: those that failed, or else those that are unknown."""
        return select_deciding(self.findings, integrity_only=self.integrity_only)

    @property
    def obstacle_findings(self) -> tuple[Finding, ...]:
        """The findings that keep it from being valid where trust is required."""
        return select_obstacles(self.findings)

    def outcome(self, aspect: Aspect) -> Outcome:
        """The outcome of one aspect.

        Returns:
            FAILED if a finding failed; UNKNOWN if it could not be established; PASSED if everything that was checked
            passed; NOT_CHECKED if it was not requested, or there is nothing to check.
        """
        return judge_aspect(self.findings, aspect)

    def __repr__(self) -> str:
        verdict, signer = self.verdict.value, self.signer_name
        return f"SignatureReport(uid={self.signature.uid!r}, verdict={verdict!r}, signer_name={signer!r})"

    def __bool__(self) -> NoReturn:
        raise TypeError("a report has no truth value: use .verdict or .outcome(aspect)")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """Findings about all signatures that were verified, and about the file."""

    signatures: tuple[SignatureReport, ...]
    notes: tuple[Finding, ...] = ()
    """Findings that belong to no signature in particular."""
    skipped: tuple[Location, ...] = ()
    """Levels inside Original Attributes Sequence, whose signatures are not verified."""
    unmet: tuple[Finding, ...] = ()
    """Requirements on the signatures together that are not met, or not established."""
    references: tuple[Finding, ...] = ()
    """Findings about the instances that a document cites, if requested; ``where`` is SOP Instance UID."""
    manifest: tuple[Finding, ...] = ()
    """What a change manifest of one of the signatures shows, if one was given; it does not change the verdict."""
    integrity_only: bool = False
    instance: Instance = Instance()
    coverage: ObjectCoverage | None = None
    """How much of the object is protected; None if that was not requested, or could not be determined."""
    evidence: EvidenceRecord | None = field(default=None, repr=False, compare=False)
    """Everything the verdict is based on, if requested."""

    @property
    def verdict(self) -> Verdict:
        """INVALID if a signature is, a requirement is not met, or cited evidence changed; else the weakest verdict.

        NO_SIGNATURE if there is none, whatever is required.
        """
        return judge_report(
            (each.verdict for each in self.signatures),
            notes=self.notes,
            unmet=self.unmet,
            references=self.references,
        )

    @property
    def is_object_signed(self) -> bool:
        """Whether a signature of the main Data Set was verified, or only an item was asked about."""
        return bool(self.signatures) and all(each.code != OBJECT_NOT_SIGNED for each in self.unmet)

    @property
    def is_partial(self) -> bool:
        """Whether the signatures that protect the main Data Set leave elements of it uncovered, together."""
        left: set[int] | None = None
        for each in self.signatures:
            if each.coverage is not None and each.signature.location == MAIN and each.protects:
                unsigned = each.coverage.unsigned
                left = set(unsigned) if left is None else left.intersection(unsigned)
                if not left:
                    return False
        return bool(left)

    @property
    def deciding_findings(self) -> tuple[Finding, ...]:
        """The findings that keep the verdict from being valid, the most important first.

        That the object is not signed precedes everything else that is unknown. Empty if an aspect that decides was not
        checked, such as trust without configured anchors.
        """
        outcome = Outcome.FAILED if self.verdict is Verdict.INVALID else Outcome.UNKNOWN
        found = [each for one in self.signatures for each in one.deciding_findings]
        found += [each for each in self.notes if each.outcome is Outcome.FAILED]
        found += self.unmet
        found += [each for each in self.references if each.aspect is not Aspect.COVERAGE]
        decisive = [each for each in found if each.outcome is outcome]
        return tuple(sorted(decisive, key=lambda each: each.code != OBJECT_NOT_SIGNED))

    def __repr__(self) -> str:
        return f"VerificationReport(verdict={self.verdict.value!r}, signatures={len(self.signatures)})"

    def __bool__(self) -> NoReturn:
        raise TypeError("a report has no truth value: use .verdict")


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
    "VerificationReport",
]
