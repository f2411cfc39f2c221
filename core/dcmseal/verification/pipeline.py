"""Verification: every signature at every level, each question about it answered apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from dcmseal.dataset.file_meta_findings import identity_notes
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.structure import analyze_structure
from dcmseal.dataset.structure_problems import SOUND_STRUCTURE, StructureFindings
from dcmseal.errors import CertificateNotValid, CertificateUnreadable, Malformed, NoSuchSignature
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.location import MAIN, Location
from dcmseal.macro.level_macs import LevelMacs, compute_level_macs
from dcmseal.macro.levels import Level, find_level, iter_nested_levels, main_level
from dcmseal.macro.read import SignatureItem
from dcmseal.macro.signer_certificate import Certificate, read_certificate
from dcmseal.macro.write import build_unsigned_item
from dcmseal.model.report import Instance, SignatureReport, SignerTrust, VerificationReport
from dcmseal.tags import is_ascending
from dcmseal.verification.certificate_validity import claimed_time_findings, strength_findings, validity_findings
from dcmseal.verification.conformance import macro_findings
from dcmseal.verification.instance_identity import read_instance
from dcmseal.verification.integrity import HashingBudget, LazyVariantMatcher, integrity_findings
from dcmseal.verification.level_coverage import ElementLists, ListedElements, coverage_findings, unsigned_group_findings
from dcmseal.verification.mac_binding import FragmentBoundaries, binding_findings
from dcmseal.verification.nonstandard_signatures import nonstandard_signature_findings
from dcmseal.verification.object_coverage import object_findings
from dcmseal.verification.options import TimestampMode
from dcmseal.verification.profile_checks import LevelProfileChecks, ProfileChecks, ProfileResult
from dcmseal.verification.timestamp_checks import (
    TimestampChecker,
    TimestampContext,
    TimestampVerification,
    profile_timestamp_type,
)

if TYPE_CHECKING:
    from dcmseal.dataset.scanner import LevelScanner
    from dcmseal.model.signature import DigitalSignature
    from dcmseal.plugins.profile import Profile, SignatureFacts
    from dcmseal.policy.policy import Policy
    from dcmseal.verification.signer_trust import Trust

_MAC: Final = "PS3.3 C.12.1.1.3.1.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationContext:
    """What to verify, and against what."""

    uid: str | None = None
    """One signature by its Digital Signature UID; None for all."""
    location: Location | None = None
    """One level; None for all."""
    profiles: tuple[Profile, ...] = ()
    """Profiles whose names are reported if met."""
    required: tuple[Profile, ...] = ()
    """Profiles that each signature is held against, whether their names are reported or not."""
    policy: Policy | None = None
    """What is demanded of the signatures together; ``required`` are the profiles that it names."""
    integrity_only: bool = False
    timestamp: TimestampContext = TimestampContext()
    accept_old_format: bool = False
    """Take signatures in the fragment format of DCMTK before 3.5.4 for valid."""
    trust: Trust | None = None
    """What to judge signers by; None leaves trust in them unknown."""
    count_coverage: bool = False
    """Whether to count what of the object is protected."""
    file_digest: bool = False
    """Whether to compute the digest of the file, which reads it once more."""
    now: datetime | None = None
    """The present; None for that of the trust settings, or else the clock's."""

    def verification_time(self) -> datetime:
        """The moment of verification."""
        fixed = self.now or (self.trust.settings.now if self.trust else None)
        return fixed or datetime.now(UTC)


_MIN_HASHING_BUDGET: Final = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelContext:
    """A level whose signatures are verified, and what all of them share."""

    file: DicomFile
    macs: LevelMacs
    variants: LazyVariantMatcher
    element_lists: ElementLists
    fragments: FragmentBoundaries
    profile_checks: LevelProfileChecks | None
    """None if no profile is asked about."""
    structure: StructureFindings
    findings: Sequence[Finding]
    """About the level: they concern every signature at it."""


def verify_file(
    file: DicomFile, context: VerificationContext, computed_macs: Mapping[Location, LevelMacs] | None = None
) -> VerificationReport:
    """Verify the signatures of a Data Set; levels whose MACs were ``computed_macs`` already are not hashed again.

    Raises Malformed if the Data Set cannot be read, NoSuchItem or NoSuchSignature if what was asked for is not there.
    Anything wrong with a signature is a finding.
    """
    reports: list[SignatureReport] = []
    notes: list[Finding] = []
    skipped: list[Location] = []
    patience = HashingBudget(max(_MIN_HASHING_BUDGET, 32 * file.body.size))
    demands = ProfileChecks(context.required)
    # one present for all signatures of a file
    now = context.verification_time()
    timestamps = TimestampChecker(context.timestamp, uid=context.uid, integrity_only=context.integrity_only)
    structure: StructureFindings | None = None
    main: LevelScanner | None = None
    sound: Mapping[int, int] | None = None
    for level, macs in _iter_levels(file, context, patience, computed_macs or {}):
        if main is None:
            # the first level is the main one, unless an item is asked about
            is_main = level.location == MAIN
            main = macs.scan if is_main else main_level(file).scanner().finish()
            sound = macs.facts.sound_sequences if is_main else None
        if level.in_original_attributes:
            skipped.append(level.location)
            continue
        chosen = [found for found in macs.level_signatures.signatures if context.uid in (None, found.signature.uid)]
        if context.uid is not None and not chosen:
            continue
        notes.extend(macs.level_signatures.problems)
        if not level.location.steps:
            notes.extend(nonstandard_signature_findings(macs.scan, macs.level_signatures))
        if chosen:
            if structure is None:
                structure = analyze_structure(file, main, sound)
                notes.extend((*structure.notes, *identity_notes(file, main)))
            profiled = _build_profile_checks(level, macs, context, demands)
            signed = _build_level_context(file, level, macs, patience, profiled, structure)
            judged = macs.level_signatures.signatures if demands.about_all else chosen
            verified = [_verify_signature(signed, found, context, timestamps, now) for found in judged]
            together = verified if signed.profile_checks is None else signed.profile_checks.apply_joint_rules(verified)
            reports.extend(each for each in together if context.uid in (None, each.signature.uid))
    if context.uid is not None and not reports:
        raise NoSuchSignature(
            f"no signature has UID {context.uid}", hint="signatures() lists them", code="no-such-signature"
        )
    return VerificationReport(
        signatures=tuple(reports),
        notes=tuple(notes),
        skipped=tuple(skipped),
        instance=Instance() if main is None else read_instance(file, main),
        unmet=(*object_findings(context.location, reports), *demands.unmet_findings(), *timestamps.unmet_findings())
        if reports
        else (),
        integrity_only=context.integrity_only,
    )


def verify_planned(file: DicomFile, level: Level, macs: LevelMacs, signature: DigitalSignature) -> SignatureReport:
    """What comes of a signature that is planned, with a certificate or without, whose MAC is among those of its level.

    Nothing of the Data Set is hashed again. Its structure is not looked at: it was, when the MAC was made.
    """
    found = SignatureItem(signature=signature, item=build_unsigned_item(signature), start=0, end=0, problems=())
    question = VerificationContext(integrity_only=True, timestamp=TimestampContext(mode=TimestampMode.IGNORE))
    timestamps = TimestampChecker(question.timestamp, uid=None, integrity_only=True)
    signed = _build_level_context(file, level, macs, HashingBudget(0), None, structure=SOUND_STRUCTURE)
    return _verify_signature(signed, found, question, timestamps, question.verification_time())


def _iter_levels(
    file: DicomFile,
    context: VerificationContext,
    hashing_budget: HashingBudget,
    computed_macs: Mapping[Location, LevelMacs],
) -> Iterator[tuple[Level, LevelMacs]]:
    """The levels asked for, each with its MACs made."""
    level = main_level(file) if context.location is None else find_level(file, context.location)
    macs = computed_macs.get(level.location) or compute_level_macs(level)
    yield level, macs
    if context.location is None:
        for index in macs.facts.with_signatures:
            for nested in iter_nested_levels(level, macs.scan, index):
                inner = computed_macs.get(nested.location) or compute_level_macs(nested)
                # where an item of undefined length ends is known only now
                if not hashing_budget.try_consume(inner.scan.end - nested.start):
                    raise Malformed("signatures are nested so deep that verifying them would not end", nested.start)
                yield nested, inner


def _build_level_context(
    file: DicomFile,
    level: Level,
    macs: LevelMacs,
    hashing_budget: HashingBudget,
    profile_checks: LevelProfileChecks | None,
    structure: StructureFindings,
) -> LevelContext:
    fragments = FragmentBoundaries(macs.scan, macs.facts)
    return LevelContext(
        file=file,
        macs=macs,
        variants=LazyVariantMatcher(file, level, macs, hashing_budget),
        element_lists=ElementLists(macs, in_order=is_ascending(macs.scan.tags)),
        fragments=fragments,
        profile_checks=profile_checks,
        structure=structure,
        findings=(*fragments.findings(), *unsigned_group_findings(macs.scan)),
    )


def _build_profile_checks(
    level: Level, macs: LevelMacs, context: VerificationContext, required_checks: ProfileChecks
) -> LevelProfileChecks | None:
    """What holds the level's signatures against profiles; None if nobody asks, and then nothing of it is imported."""
    if not (context.profiles or context.required):
        return None
    from dcmseal.macro.profile_view import LevelView

    return LevelProfileChecks(LevelView(scan=macs.scan, location=level.location), context.profiles, required_checks)


def _build_facts(
    signature: DigitalSignature,
    certificate: Certificate | None,
    listed: ListedElements | None,
    timestamp: TimestampVerification,
) -> SignatureFacts:
    from dcmseal.macro.profile_view import build_signature_facts

    stated = profile_timestamp_type(signature, timestamp)
    if stated != signature.timestamp_type:
        signature = replace(signature, timestamp_type=stated)
    return build_signature_facts(signature, certificate, listed.signed if listed else frozenset())


def _verify_signature(
    level: LevelContext,
    signature_item: SignatureItem,
    context: VerificationContext,
    timestamps: TimestampChecker,
    now: datetime,
) -> SignatureReport:
    signature = signature_item.signature
    listed = level.element_lists.lookup(signature)
    is_signed = listed.signed.__contains__ if listed is not None and not signature.location.steps else None
    findings = [*macro_findings(signature_item, listed), *level.structure.findings(is_signed), *level.findings]
    certificate: Certificate | None = None
    if signature.certificate:
        try:
            certificate = read_certificate(signature.certificate)
        except CertificateNotValid as error:
            # what we cannot read may be in order
            outcome = Outcome.UNKNOWN if isinstance(error, CertificateUnreadable) else Outcome.FAILED
            findings.append(_finding(Aspect.FORM, outcome, "certificate-unreadable", str(error)))
    accept = context.accept_old_format
    findings.extend(
        integrity_findings(level.macs, level.variants, signature_item, certificate, accept_old_format=accept)
    )
    trust: SignerTrust | None = None
    findings.extend(claimed_time_findings(signature, now))
    if certificate is not None:
        findings.extend(validity_findings(signature, certificate))
    stamp = timestamps.verify(signature, certificate, now)
    findings.extend((*stamp.findings, *stamp.authority_findings))
    if certificate is not None:
        weak = context.trust.settings.weak.outcome if context.trust else Outcome.UNKNOWN
        findings.extend(strength_findings(signature, certificate, weak))
        if context.trust is not None:
            certified = stamp.time.moment if stamp.time and stamp.is_sound and stamp.is_authority_trusted else None
            judgement, trust = context.trust.evaluate_signer(signature, certificate.der, certified)
            findings.extend(judgement)
    if listed is not None:
        findings.extend(coverage_findings(listed.coverage))
        findings.extend(binding_findings(level.file, level.fragments, signature.mac, listed.signed))
    else:
        message = "the level has more lists of signed elements than are looked at"
        findings.append(_finding(Aspect.COVERAGE, Outcome.FAILED, "too-many-lists", message))
    judged = ProfileResult()
    if level.profile_checks is not None:
        judged = level.profile_checks.check(_build_facts(signature, certificate, listed, stamp))
        findings.extend(judged.findings)
    return SignatureReport(
        signature=signature,
        findings=tuple(findings),
        coverage=listed.coverage if listed else None,
        profiles=judged.met,
        required_profiles=judged.required,
        trust=trust,
        certified_time=stamp.time,
    )


def _finding(aspect: Aspect, outcome: Outcome, code: str, message: str) -> Finding:
    return Finding(aspect=aspect, outcome=outcome, code=code, message=message, clause=_MAC)
