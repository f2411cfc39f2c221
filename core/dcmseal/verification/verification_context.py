"""The contexts of verification: the request, a level, and one of its signatures."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.structure_problems import StructureFindings
from dcmseal.findings import Finding
from dcmseal.location import Location
from dcmseal.macro.level_macs import LevelMacs
from dcmseal.macro.read import SignatureItem
from dcmseal.macro.signer_certificate import Certificate
from dcmseal.model.report import SignatureReport, SignerTrust
from dcmseal.model.signature import DigitalSignature
from dcmseal.verification.integrity import LazyVariantMatcher
from dcmseal.verification.level_coverage import ElementLists, ListedElements
from dcmseal.verification.mac_binding import FragmentBoundaries
from dcmseal.verification.profile_checks import NO_PROFILES, LevelProfileChecks, ProfileResult
from dcmseal.verification.timestamp_checks import (
    NO_TIMESTAMP,
    TimestampChecker,
    TimestampContext,
    TimestampVerification,
)

if TYPE_CHECKING:
    from dcmseal.plugins.profile import Profile
    from dcmseal.policy.policy import Policy
    from dcmseal.verification.signer_trust import Trust


class VerificationContext(Struct, frozen=True, kw_only=True):
    """What to verify, and against which requirements."""

    uid: str | None = None
    """Digital Signature UID of the only signature to verify; None for all."""
    location: Location | None = None
    """The only level to verify; None for all."""
    profiles: tuple[Profile, ...] = ()
    """Profiles to report by name if a signature meets them."""
    required: tuple[Profile, ...] = ()
    """Profiles to check each signature against."""
    policy: Policy | None = None
    """Requirements on the signatures together; ``required`` contains the profiles that it names."""
    integrity_only: bool = False
    timestamp: TimestampContext = TimestampContext()
    accept_old_format: bool = False
    """Accept signatures in the fragment format of DCMTK before 3.5.4."""
    trust: Trust | None = None
    """Evaluates trust in signers; None if it is not evaluated."""
    count_coverage: bool = False
    """Whether to count how much of the object is protected."""
    file_digest: bool = False
    """Whether to compute the digest of the file, which reads it a second time."""
    now: datetime | None = None
    """The time of verification; None for the time in the trust settings, or else the current time."""

    def verification_time(self) -> datetime:
        """Return the time of verification."""
        fixed = self.now or (self.trust.settings.now if self.trust else None)
        return fixed or datetime.now(UTC)


class LevelContext(Struct, frozen=True, kw_only=True):
    """A scanned level, and everything that the checks of its signatures share."""

    file: DicomFile
    macs: LevelMacs
    variants: LazyVariantMatcher
    element_lists: ElementLists
    fragments: FragmentBoundaries
    profile_checks: LevelProfileChecks | None
    """None if no profiles are checked."""
    structure: StructureFindings
    findings: Sequence[Finding]
    """Findings about the level, which apply to all of its signatures."""
    request: VerificationContext
    timestamps: TimestampChecker
    now: datetime
    """The time of verification, the same for all signatures of a file."""


class SignatureContext(Struct, kw_only=True):
    """One signature while its checks run, and what they determine in addition to findings."""

    item: SignatureItem
    listed: ListedElements | None
    """Its Data Elements Signed; None if the level has too many different lists."""
    findings: list[Finding]
    certificate: Certificate | None = None
    """The signer's certificate; None before it is read, and if it cannot be parsed."""
    timestamp: TimestampVerification = NO_TIMESTAMP
    trust: SignerTrust | None = None
    profiles: ProfileResult = NO_PROFILES

    @property
    def signature(self) -> DigitalSignature:
        """The signature."""
        return self.item.signature

    def build_report(self, *, integrity_only: bool, broken_profiles: Container[str] = ()) -> SignatureReport:
        """Build the report on the signature.

        Args:
            integrity_only: Whether the verdict ignores trust.
            broken_profiles: Names of profiles to omit, because their rules about all signatures are violated.
        """
        return SignatureReport(
            signature=self.item.signature,
            findings=tuple(self.findings),
            integrity_only=integrity_only,
            coverage=self.listed.coverage if self.listed else None,
            profiles=tuple([name for name in self.profiles.met if name not in broken_profiles]),
            required_profiles=self.profiles.required,
            trust=self.trust,
            certificate=self.certificate,
            certified_time=self.timestamp.time,
        )
