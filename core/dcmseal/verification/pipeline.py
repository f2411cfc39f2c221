"""Verification: open each level, scan it once into a LevelContext, run the checks of its signatures, build the report.

The checks are listed in ``dcmseal.verification.checks``, and ``dcmseal.model.verdict`` judges their findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from dcmseal.dataset.file_meta_findings import identity_notes
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.structure import analyze_structure
from dcmseal.dataset.structure_problems import NO_STRUCTURE_PROBLEMS, StructureFindings
from dcmseal.errors import Malformed, NoSuchSignature
from dcmseal.location import MAIN, Location
from dcmseal.macro.level_macs import LevelMacs, compute_level_macs
from dcmseal.macro.levels import Level, find_level, iter_nested_levels, main_level
from dcmseal.macro.read import SignatureItem
from dcmseal.macro.write import build_unsigned_item
from dcmseal.model.report import SignatureReport, VerificationReport
from dcmseal.model.verdict import is_intact
from dcmseal.tags import is_ascending
from dcmseal.verification.checks import run_checks
from dcmseal.verification.instance_identity import read_instance
from dcmseal.verification.integrity import HashingBudget, LazyVariantMatcher
from dcmseal.verification.level_coverage import ElementLists, unsigned_group_findings
from dcmseal.verification.mac_binding import FragmentBoundaries
from dcmseal.verification.nonstandard_signatures import nonstandard_signature_findings
from dcmseal.verification.object_coverage import object_findings
from dcmseal.verification.profile_checks import LevelProfileChecks, ProfileChecks
from dcmseal.verification.report_builder import ReportBuilder
from dcmseal.verification.timestamp_checks import TimestampChecker, TimestampContext
from dcmseal.verification.verification_context import LevelContext, SignatureContext, VerificationContext
from dcmseal.verification.verification_options import TimestampMode

if TYPE_CHECKING:
    from dcmseal.dataset.scanner import LevelScanner
    from dcmseal.model.signature import DigitalSignature

_MIN_HASHING_BUDGET: Final = 64 << 20


def verify_file(
    file: DicomFile, context: VerificationContext, computed_macs: Mapping[Location, LevelMacs] | None = None
) -> VerificationReport:
    """Verify the signatures of a Data Set, but not the requirements of a policy.

    Args:
        file: The Data Set.
        context: What to verify.
        computed_macs: MACs of levels that were already hashed, and are not hashed again.

    Returns:
        The report. A problem of a signature is a finding in it.

    Raises:
        Malformed: The Data Set cannot be parsed.
        NoSuchItem: There is no item at the requested location.
        NoSuchSignature: No signature has the requested UID.
    """
    return verify_signatures(file, context, computed_macs).build()


def verify_signatures(
    file: DicomFile, context: VerificationContext, computed_macs: Mapping[Location, LevelMacs] | None = None
) -> ReportBuilder:
    """Do the same as ``verify_file``, and return the builder, to which further steps can add."""
    verification = _FileVerification(file, context, computed_macs or {})
    verification.run()
    return verification.report


def verify_planned_signature(
    file: DicomFile, level: Level, macs: LevelMacs, signature: DigitalSignature
) -> SignatureReport:
    """Check a planned signature, with or without a certificate, as a verifier would.

    The Data Set is not hashed or analyzed again, because that was done when the MAC was computed.

    Args:
        file: The Data Set to sign.
        level: The level to sign.
        macs: The MACs of the level, including the planned signature's.
        signature: The planned signature.
    """
    item = SignatureItem(signature=signature, item=build_unsigned_item(signature), start=0, end=0, problems=())
    context = VerificationContext(integrity_only=True, timestamp=TimestampContext(mode=TimestampMode.IGNORE))
    verification = _FileVerification(file, context, {})
    at = verification.build_level_context(level, macs, HashingBudget(0), None, NO_STRUCTURE_PROBLEMS)
    return _check_signature(at, item).build_report(integrity_only=True)


class _MainLevel(Struct, frozen=True):
    """The main Data Set, regardless of the requested level."""

    scan: LevelScanner
    well_formed_sequences: Mapping[int, int] | None
    """Sequences that need no walk, with the number of their items of undefined length, by index; None if unknown."""


class _FileVerification:
    """Verifies one file."""

    def __init__(
        self, file: DicomFile, context: VerificationContext, computed_macs: Mapping[Location, LevelMacs]
    ) -> None:
        self.report = ReportBuilder(integrity_only=context.integrity_only)
        self._file = file
        self._context = context
        self._computed_macs = computed_macs
        self._budget = HashingBudget(max(_MIN_HASHING_BUDGET, 32 * file.body.size))
        self._required = ProfileChecks(context.required)
        self._timestamps = TimestampChecker(context.timestamp, uid=context.uid, integrity_only=context.integrity_only)
        self._now = context.verification_time()
        self._structure: StructureFindings | None = None

    def run(self) -> None:
        """Verify all requested signatures."""
        context, report = self._context, self.report
        main: _MainLevel | None = None
        for level, macs in self._iter_levels():
            if main is None:
                main = _read_main_level(self._file, level, macs)
                report.instance = read_instance(self._file, main.scan)
            if level.in_original_attributes:
                report.skipped.append(level.location)
            else:
                self._verify_level(level, macs, main)
        if report.signatures:
            report.unmet += object_findings(context.location, report.signatures)
            report.unmet += self._required.unmet_findings()
            report.unmet += self._timestamps.unmet_findings()
        elif context.uid is not None:
            raise NoSuchSignature(
                f"no signature has UID {context.uid}", hint="signatures() lists them", code="no-such-signature"
            )

    def _iter_levels(self) -> Iterator[tuple[Level, LevelMacs]]:
        """Iterate over the requested levels and their MACs."""
        file, location, computed = self._file, self._context.location, self._computed_macs
        level = main_level(file) if location is None else find_level(file, location)
        macs = computed.get(level.location) or compute_level_macs(level)
        yield level, macs
        if location is None:
            for index in macs.facts.with_signatures:
                for nested in iter_nested_levels(level, macs.scan, index):
                    inner = computed.get(nested.location) or compute_level_macs(nested)
                    # the end of an item of undefined length is known only after the scan
                    if not self._budget.try_consume(inner.scan.end - nested.start):
                        raise Malformed("signatures are nested too deeply to be verified", nested.start)
                    yield nested, inner

    def _verify_level(self, level: Level, macs: LevelMacs, main: _MainLevel) -> None:
        uid, report = self._context.uid, self.report
        found = macs.level_signatures.signatures
        chosen = [each for each in found if uid in (None, each.signature.uid)]
        if uid is not None and not chosen:
            return
        report.notes += macs.level_signatures.problems
        if level.location == MAIN:
            report.notes += nonstandard_signature_findings(macs.scan, macs.level_signatures)
        if not chosen:
            return
        profile_checks = self._build_profile_checks(level, macs)
        at = self.build_level_context(level, macs, self._budget, profile_checks, self._analyze_structure(main))
        # rules about all signatures of a level also concern those that were not requested
        subjects = [_check_signature(at, each) for each in (found if self._required.has_joint_rules else chosen)]
        intact = (is_intact(each.findings) for each in subjects)
        broken = profile_checks.check_jointly(intact) if profile_checks is not None else ()
        report.signatures += [
            each.build_report(integrity_only=report.integrity_only, broken_profiles=broken)
            for each in subjects
            if uid in (None, each.signature.uid)
        ]

    def _analyze_structure(self, main: _MainLevel) -> StructureFindings:
        """Analyze the structure of the whole file, when the first signature is verified."""
        if self._structure is None:
            self._structure = analyze_structure(self._file, main.scan, main.well_formed_sequences)
            self.report.notes += (*self._structure.notes, *identity_notes(self._file, main.scan))
        return self._structure

    def _build_profile_checks(self, level: Level, macs: LevelMacs) -> LevelProfileChecks | None:
        """Build the checks against profiles; None without profiles, to avoid imports."""
        if not (self._context.profiles or self._context.required):
            return None
        from dcmseal.macro.profile_view import LevelView

        view = LevelView(scan=macs.scan, location=level.location)
        return LevelProfileChecks(view, self._context.profiles, self._required)

    def build_level_context(
        self,
        level: Level,
        macs: LevelMacs,
        budget: HashingBudget,
        profile_checks: LevelProfileChecks | None,
        structure: StructureFindings,
    ) -> LevelContext:
        """Build the context that the checks of a level's signatures share."""
        fragments = FragmentBoundaries(macs.scan, macs.facts)
        return LevelContext(
            file=self._file,
            macs=macs,
            variants=LazyVariantMatcher(self._file, level, macs, budget),
            element_lists=ElementLists(macs, in_order=is_ascending(macs.scan.tags)),
            fragments=fragments,
            profile_checks=profile_checks,
            structure=structure,
            findings=(*fragments.findings(), *unsigned_group_findings(macs.scan)),
            request=self._context,
            timestamps=self._timestamps,
            now=self._now,
        )


def _read_main_level(file: DicomFile, first: Level, macs: LevelMacs) -> _MainLevel:
    """Return the main level, which is the first verified one unless an item was requested."""
    if first.location == MAIN:
        return _MainLevel(macs.scan, macs.facts.well_formed_sequences)
    return _MainLevel(main_level(file).scanner().finish(), None)


def _check_signature(level: LevelContext, item: SignatureItem) -> SignatureContext:
    subject = SignatureContext(item=item, listed=level.element_lists.lookup(item.signature), findings=[])
    run_checks(level, subject)
    return subject
