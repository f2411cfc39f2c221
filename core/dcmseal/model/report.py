"""The results of verification: reports with findings by aspect. An invalid signature is a finding, not an exception."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn, Protocol

from msgspec import Struct

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
from dcmseal.representation import format_fields

if TYPE_CHECKING:
    from dcmseal.model.evidence_record import EvidenceRecord
    from dcmseal.model.signature import CertifiedTime, DigitalSignature


class Coverage(Struct, frozen=True, kw_only=True):
    """The elements that a signature covers at its own level, as tags in the order of the Data Set."""

    signed: tuple[int, ...] = ()
    unsigned: tuple[int, ...] = ()
    unsignable: tuple[tuple[int, str], ...] = ()
    """Elements that cannot be signed, with reasons."""
    absent: tuple[int, ...] = ()
    """Elements that are listed as signed but are not present."""
    critical: tuple[int, ...] = ()
    """Unsigned elements that change what the object means, or which patient it belongs to."""

    def __repr__(self) -> str:
        counts = ((name, len(getattr(self, name))) for name in self.__struct_fields__)
        return f"Coverage({', '.join(f'{count} {name}' for name, count in counts if count)})"


class CoverageGap(Struct, frozen=True, kw_only=True):
    """Elements with the same path that no signature protects."""

    path: tuple[int, ...]
    """The tags of the enclosing sequences, followed by the element's own."""
    critical: bool
    count: int = 1
    """The number of elements."""


class ObjectCoverage(Struct, frozen=True, kw_only=True):
    """How many elements of the object the signatures protect together; all outputs use these numbers."""

    covered: int = 0
    """Number of elements of the main Data Set that are protected; a sequence is one element."""
    elements: int = 0
    """Number of elements of the main Data Set that can be signed."""
    critical: int = 0
    """Number of critical elements, at any level, that are not protected."""
    others: int = 0
    """Number of other elements of the main Data Set that are not protected."""
    gaps: tuple[CoverageGap, ...] = ()
    """Elements that are not protected, up to a limit: critical ones of any level, then others of the main Data Set."""

    @property
    def is_complete(self) -> bool:
        """Whether all elements that can be signed, and all critical elements, are protected."""
        return self.covered == self.elements and not self.critical

    def __repr__(self) -> str:
        return format_fields(self, hidden=("gaps",))


class Instance(Struct, frozen=True, kw_only=True):
    """The object that a report is about; the values from its main Data Set may be unsigned."""

    size: int = 0
    """Size of the file in bytes."""
    sha256: str = ""
    """SHA-256 of the file in hexadecimal; empty if it was not requested."""
    sop_class: str = ""
    """SOP Class UID; like the other UIDs, empty if it is missing or invalid."""
    sop_instance: str = ""
    """SOP Instance UID."""
    study: str = ""
    """Study Instance UID."""
    series: str = ""
    """Series Instance UID."""
    patient: tuple[int, ...] = ()
    """Tags of Patient's Name and Patient ID, if they have a value; the values are omitted."""


class SignerCertificate(Protocol):
    """The fields of a signer's certificate."""

    @property
    def subject(self) -> str:
        """The subject as an RFC 4514 string; empty if it is missing or cannot be parsed."""
        ...

    @property
    def issuer(self) -> str:
        """The issuer as an RFC 4514 string; empty if it is missing or cannot be parsed."""
        ...

    @property
    def serial_number(self) -> int:
        """The serial number, which is unique for the issuer."""
        ...

    @property
    def not_before(self) -> dt.datetime:
        """The start of the validity period."""
        ...

    @property
    def not_after(self) -> dt.datetime:
        """The end of the validity period."""
        ...

    @property
    def sha256(self) -> str:
        """The fingerprint: SHA-256 of the DER, in hexadecimal."""
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
    """How the time is known for which trust in a signer was evaluated."""

    CERTIFIED = "certified"
    """A verified timestamp certifies it."""
    CLAIMED = "claimed"
    """The signer claims it in Digital Signature DateTime (0400,0105)."""
    NOW = "now"
    """The signing time cannot be read, so the time of verification is used."""


class SignerTrust(Struct, frozen=True, kw_only=True):
    """The time for which trust in the signer was evaluated, and the certificate chain."""

    moment: dt.datetime
    basis: TimeBasis
    chain: tuple[bytes, ...] = ()
    """DER certificates from the signer to the anchor; empty if they lead to no anchor."""

    def __repr__(self) -> str:
        return format_fields(self, hidden=("chain",))


class SignatureReport(Struct, frozen=True, kw_only=True):
    """All findings about one signature."""

    signature: DigitalSignature
    findings: tuple[Finding, ...]
    integrity_only: bool = False
    """Whether the verdict ignores trust in the signer and in the timestamp authority."""
    coverage: Coverage | None = None
    """The elements that it covers; None if its list of elements was not examined."""
    profiles: tuple[str, ...] = ()
    """Names of the profiles that it meets."""
    trust: SignerTrust | None = None
    """None if trust was not requested."""
    required_profiles: tuple[tuple[str, Outcome], ...] = ()
    """Names of the required profiles, and whether it meets them; this does not affect its verdict."""
    certificate: SignerCertificate | None = None
    """The signer's certificate; None if it cannot be parsed. Its bytes are in ``signature.certificate``."""
    certified_time: CertifiedTime | None = None
    """The time in its timestamp, if no check of the timestamp failed; its authority may not be trusted."""

    @property
    def signer_name(self) -> str:
        """The subject of the signer's certificate as an RFC 4514 string; empty if it cannot be parsed.

        Anyone can issue a certificate with any name, so rely on it only if TRUST passed.
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
        """Whether FORM, INTEGRITY and AUTHENTICITY passed, regardless of trust in the signer."""
        return is_intact(self.findings)

    @property
    def protects(self) -> bool:
        """Whether it protects the elements that it lists: its MAC matches, and it is not invalid."""
        return self.outcome(Aspect.INTEGRITY) is Outcome.PASSED and self.verdict is not Verdict.INVALID

    @property
    def has_unverified_timestamp(self) -> bool:
        """Whether a timestamp that could not be verified keeps it from being valid."""
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
        """Return the outcome of one aspect.

        Returns:
            FAILED if a finding failed; UNKNOWN if the result could not be established; PASSED if everything that was
            checked passed; NOT_CHECKED if the check was not requested, or there is nothing to check.
        """
        return judge_aspect(self.findings, aspect)

    def __repr__(self) -> str:
        verdict, signer = self.verdict.value, self.signer_name
        return f"SignatureReport(uid={self.signature.uid!r}, verdict={verdict!r}, signer_name={signer!r})"

    def __bool__(self) -> NoReturn:
        raise TypeError("a report has no truth value: use .verdict or .outcome(aspect)")


class VerificationReport(Struct, frozen=True, kw_only=True):
    """Findings about all signatures that were verified, and about the file."""

    signatures: tuple[SignatureReport, ...]
    notes: tuple[Finding, ...] = ()
    """Findings that do not belong to a particular signature."""
    skipped: tuple[Location, ...] = ()
    """Levels in Original Attributes Sequence, whose signatures are not verified."""
    unmet: tuple[Finding, ...] = ()
    """Findings about requirements on the signatures together that are not met, or not known to be met."""
    references: tuple[Finding, ...] = ()
    """Findings about the instances that a document cites, if requested; ``where`` is the SOP Instance UID."""
    manifest: tuple[Finding, ...] = ()
    """Findings from the change manifest, if one was given; they do not affect the verdict."""
    integrity_only: bool = False
    """Whether the verdict ignores trust in signers and timestamp authorities."""
    instance: Instance = Instance()
    """The object that was verified."""
    coverage: ObjectCoverage | None = None
    """How many elements of the object are protected; None if it was not requested, or could not be determined."""
    evidence: EvidenceRecord | None = None
    """Everything the verdict is based on, if requested."""

    @property
    def verdict(self) -> Verdict:
        """The verdict on the file.

        INVALID if a signature is invalid, a requirement is not met, or a cited instance changed; NO_SIGNATURE
        without a signature, regardless of requirements; otherwise the weakest verdict on a signature.
        """
        return judge_report(
            (each.verdict for each in self.signatures),
            notes=self.notes,
            unmet=self.unmet,
            references=self.references,
        )

    @property
    def is_object_signed(self) -> bool:
        """Whether a signature of the main Data Set was verified, or verification of an item was requested."""
        return bool(self.signatures) and all(each.code != OBJECT_NOT_SIGNED for each in self.unmet)

    @property
    def is_partial(self) -> bool:
        """Whether the signatures of the main Data Set together leave some of its elements unprotected."""
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

        The finding that the object is not signed precedes other unknown ones. Empty if the verdict is not established
        because an aspect was not checked, such as trust without configured anchors.
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
