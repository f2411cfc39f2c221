"""Verification: every signature at every level, each question about it answered apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from dcmseal.dataset.label_findings import surrounding_findings
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.signable import exclusion
from dcmseal.dataset.structure import structure_of
from dcmseal.dataset.structure_problems import SOUND_STRUCTURE, Structure
from dcmseal.engine.binding import Fragments, binding_findings
from dcmseal.engine.carriers import carrier_findings
from dcmseal.engine.certificate import Certificate, read_certificate
from dcmseal.engine.conformance import macro_findings
from dcmseal.engine.coverage import Listed, Lists, coverage_findings
from dcmseal.engine.hashing_budget import HashingBudget
from dcmseal.engine.items import unsigned_item
from dcmseal.engine.levels import Level, find_level, main_level, nested_levels
from dcmseal.engine.lookalikes import lookalike_findings
from dcmseal.engine.macs import LevelMacs, level_macs
from dcmseal.engine.profiling import Demands, Judged, LevelProfiles
from dcmseal.engine.public_key import Match, check_signature
from dcmseal.engine.reading import FoundSignature
from dcmseal.engine.timestamps import TimestampAnswer, TimestampQuestion, TimestampRule, Timestamps, type_for_profiles
from dcmseal.engine.validity import strength_findings, validity_findings
from dcmseal.errors import CertificateNotValid, CertificateUnreadable, Malformed, NoSuchSignature
from dcmseal.location import MAIN, Location
from dcmseal.mac.digest import is_available
from dcmseal.report import Aspect, Finding, Outcome, SignatureReport, SignerTrust, VerificationReport
from dcmseal.tags import is_ascending, tag_text, tags_text

if TYPE_CHECKING:
    from dcmseal.engine.alternatives import Alternative, Readings
    from dcmseal.engine.policy import Policy
    from dcmseal.engine.trusting import Trust
    from dcmseal.model import DigitalSignature
    from dcmseal.plugins.protocols import Profile, SignatureFacts

_SIGNING: str = "PS3.15 C.1"
_MAC: str = "PS3.3 C.12.1.1.3.1.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
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
    timestamp: TimestampQuestion = TimestampQuestion()
    accept_old_format: bool = False
    """Take signatures in the fragment format of DCMTK before 3.5.4 for valid."""
    trust: Trust | None = None
    """What to judge signers by; None leaves trust in them unknown."""


_PATIENCE: Final = 64 << 20
_READINGS: Final = 17
"""Times a level may be hashed to explain a signature: choices of VRs, with padding and without, and DCMTK's MACs."""


class _Readings:
    """The other readings of a level, made when a signature does not match: few files need them."""

    def __init__(self, file: DicomFile, level: Level, macs: LevelMacs, patience: HashingBudget) -> None:
        self._arguments = file, level, macs
        self._patience = patience

    @cached_property
    def _made(self) -> Readings | None:
        from dcmseal.engine.alternatives import Readings

        _, level, macs = self._arguments
        if not self._patience.takes((macs.scan.end - level.start) * (_READINGS if macs.ambiguous else 3)):
            return None
        return Readings(*self._arguments)

    def explain(self, found: FoundSignature, matches: Callable[[bytes], bool]) -> Alternative | None:
        """The reading under which a signature matches; None if there is none, or too much was tried already."""
        return None if self._made is None else self._made.explain(found, matches)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SignedLevel:
    """A level whose signatures are verified, and what all of them share."""

    file: DicomFile
    macs: LevelMacs
    readings: _Readings
    lists: Lists
    fragments: Fragments
    profiled: LevelProfiles | None
    """None if no profile is asked about."""
    structure: Structure
    findings: Sequence[Finding]
    """About the level: they concern every signature at it."""


def verify_file(file: DicomFile, question: Question) -> VerificationReport:
    """Verify the signatures of a Data Set.

    Raises Malformed if the Data Set cannot be read, NoSuchItem or NoSuchSignature if what was asked for is not there.
    Anything wrong with a signature is a finding.
    """
    reports: list[SignatureReport] = []
    notes: list[Finding] = []
    skipped: list[Location] = []
    patience = HashingBudget(max(_PATIENCE, 32 * file.body.size))
    demands = Demands(question.required)
    timestamps = Timestamps(question.timestamp, uid=question.uid, integrity_only=question.integrity_only)
    structure: Structure | None = None
    for level, macs in _levels(file, question, patience):
        if level.in_original_attributes:
            skipped.append(level.location)
            continue
        chosen = [found for found in macs.found.signatures if question.uid in (None, found.signature.uid)]
        if question.uid is not None and not chosen:
            continue
        notes.extend(macs.found.problems)
        if not level.location.steps:
            notes.extend(lookalike_findings(macs.scan, macs.found))
        if chosen:
            if structure is None:
                is_main = level.location == MAIN
                main = macs.scan if is_main else main_level(file).scanner().finish()
                structure = structure_of(file, main, macs.facts.sound if is_main else None)
                notes.extend(surrounding_findings(file, main, are_notes=True))
            profiled = _level_profiles(level, macs, question, demands)
            signed = _signed_level(file, level, macs, patience, profiled, structure)
            judged = macs.found.signatures if demands.about_all else chosen
            verified = [_verify(signed, found, question, timestamps) for found in judged]
            together = verified if signed.profiled is None else signed.profiled.together(verified)
            reports.extend(each for each in together if question.uid in (None, each.signature.uid))
    if question.uid is not None and not reports:
        raise NoSuchSignature(f"no signature has UID {question.uid}", hint="dcmseal list FILE shows all signatures")
    return VerificationReport(
        signatures=tuple(reports),
        notes=tuple(notes),
        skipped=tuple(skipped),
        unmet=(*demands.unmet(), *timestamps.unmet()) if reports else (),
        integrity_only=question.integrity_only,
    )


def verify_planned(file: DicomFile, level: Level, macs: LevelMacs, signature: DigitalSignature) -> SignatureReport:
    """What comes of a signature that is planned, with a certificate or without, whose MAC is among those of its level.

    Nothing of the Data Set is hashed again. Its structure is not looked at: it was, when the MAC was made.
    """
    found = FoundSignature(signature=signature, item=unsigned_item(signature), start=0, end=0, problems=())
    question = Question(integrity_only=True, timestamp=TimestampQuestion(rule=TimestampRule.IGNORE))
    timestamps = Timestamps(question.timestamp, uid=None, integrity_only=True)
    signed = _signed_level(file, level, macs, HashingBudget(0), None, structure=SOUND_STRUCTURE)
    return _verify(signed, found, question, timestamps)


def _levels(file: DicomFile, question: Question, patience: HashingBudget) -> Iterator[tuple[Level, LevelMacs]]:
    """The levels asked for, each with its MACs made."""
    level = main_level(file) if question.location is None else find_level(file, question.location)
    macs = level_macs(level)
    yield level, macs
    if question.location is None:
        for index in macs.facts.with_signatures:
            for nested in nested_levels(level, macs.scan, index):
                made = level_macs(nested)
                # where an item of undefined length ends is known only now
                if not patience.takes(made.scan.end - nested.start):
                    raise Malformed("signatures are nested so deep that verifying them would not end", nested.start)
                yield nested, made


def _signed_level(
    file: DicomFile,
    level: Level,
    macs: LevelMacs,
    patience: HashingBudget,
    profiled: LevelProfiles | None,
    structure: Structure,
) -> _SignedLevel:
    fragments = Fragments(macs.scan, macs.facts)
    return _SignedLevel(
        file=file,
        macs=macs,
        readings=_Readings(file, level, macs, patience),
        lists=Lists(macs, in_order=is_ascending(macs.scan.tags)),
        fragments=fragments,
        profiled=profiled,
        structure=structure,
        findings=(*fragments.findings(), *carrier_findings(macs.scan)),
    )


def _level_profiles(level: Level, macs: LevelMacs, question: Question, demands: Demands) -> LevelProfiles | None:
    """What holds the level's signatures against profiles; None if nobody asks, and then nothing of it is imported."""
    if not (question.profiles or question.required):
        return None
    from dcmseal.engine.profile_view import LevelView

    return LevelProfiles(LevelView(scan=macs.scan, location=level.location), question.profiles, demands)


def _facts(
    signature: DigitalSignature, certificate: Certificate | None, listed: Listed | None, stamp: TimestampAnswer
) -> SignatureFacts:
    from dcmseal.engine.profile_view import facts_of

    stated = replace(signature, timestamp_type=type_for_profiles(signature, stamp))
    return facts_of(stated, certificate, listed.signed if listed else frozenset())


def _verify(level: _SignedLevel, found: FoundSignature, question: Question, timestamps: Timestamps) -> SignatureReport:
    signature = found.signature
    listed = level.lists.of(signature)
    signed = listed.signed if listed is not None and not signature.location.steps else None
    findings = [*macro_findings(found, listed), *level.structure.findings(signed), *level.findings]
    certificate: Certificate | None = None
    if signature.certificate:
        try:
            certificate = read_certificate(signature.certificate)
        except CertificateNotValid as error:
            # what we cannot read may be in order
            outcome = Outcome.UNKNOWN if isinstance(error, CertificateUnreadable) else Outcome.FAILED
            findings.append(_finding(Aspect.FORM, outcome, "certificate-unreadable", str(error)))
    findings.extend(_signature_findings(level, found, certificate, question))
    trust: SignerTrust | None = None
    if certificate is not None:
        findings.extend(validity_findings(signature, certificate))
    stamp = timestamps.answer(signature, certificate)
    findings.extend((*stamp.findings, *stamp.vouching))
    if certificate is not None:
        weak = question.trust.settings.weak.outcome if question.trust else Outcome.UNKNOWN
        findings.extend(strength_findings(signature, certificate, weak))
        if question.trust is not None:
            certified = stamp.time.moment if stamp.time and stamp.is_sound and stamp.is_vouched_for else None
            judgement, trust = question.trust.judge(signature, certificate.der, certified)
            findings.extend(judgement)
    if listed is not None:
        findings.extend(coverage_findings(listed.coverage))
        findings.extend(binding_findings(level.file, level.fragments, signature.mac, listed.signed))
    else:
        message = "the level has more lists of signed elements than are looked at"
        findings.append(_finding(Aspect.COVERAGE, Outcome.FAILED, "too-many-lists", message))
    judged = Judged()
    if level.profiled is not None:
        judged = level.profiled.judge(_facts(signature, certificate, listed, stamp))
        findings.extend(judged.findings)
    return SignatureReport(
        signature=signature,
        findings=tuple(findings),
        coverage=listed.coverage if listed else None,
        profiles=judged.met,
        required=judged.required,
        trust=trust,
        certified=stamp.time,
    )


def _signature_findings(
    level: _SignedLevel,
    found: FoundSignature,
    certificate: Certificate | None,
    question: Question,
) -> Iterator[Finding]:
    """INTEGRITY and AUTHENTICITY."""
    signature = found.signature
    algorithm = signature.mac.mac_algorithm if signature.mac else None
    job = level.macs.job(signature.mac)
    complete = level.macs.complete(found)
    if signature.mac is None:
        yield _unknown_integrity("no-mac-parameters", "there are no MAC parameters to compute the MAC with")
    elif algorithm is None or (complete is None and not is_available(algorithm)):
        message = f"MAC Algorithm {signature.mac.algorithm!r} is not supported"
        yield _unknown_integrity("mac-algorithm-unsupported", message)
    elif complete is None or job is None:
        yield _unknown_integrity("too-many-macs", "the level has more MAC parameters than are computed")
    elif certificate is None or not signature.value:
        yield _unknown_integrity("nothing-to-compare", "without certificate and signature value there is no telling")
    elif job.unsignable:
        tag, why = job.unsignable[0]
        where = tags_text([tag for tag, _ in job.unsignable])
        yield _unknown_integrity("unsignable-listed", f"{tag_text(tag)} is listed as signed, but {why}", where)
    elif foreign := [(tag, why) for tag, why in complete.unsignable if not exclusion(tag)]:
        tag, why = foreign[0]
        message = f"{tag_text(tag)} in the signature's item is in no MAC, for {why}: anybody may have put it there"
        yield _unknown_integrity("unsignable-in-item", message, tags_text([tag for tag, _ in foreign]))
    else:
        match = check_signature(certificate, algorithm, complete.digest.digest(), signature.value)
        if match is Match.MATCHES:
            yield _MATCHES
            yield _AUTHENTIC
        elif match is Match.OTHER_KEY:
            yield _unknown_integrity("not-comparable", "without the right key the signed MAC cannot be seen")
            message = "the signature was not made with the certificate's key, or was damaged"
            yield _finding(Aspect.AUTHENTICITY, Outcome.FAILED, "another-key", message, _SIGNING)
        elif match is Match.UNSUPPORTED:
            message = f"the certificate's key is for {certificate.algorithm.name}: such signatures are not verified"
            yield _finding(Aspect.INTEGRITY, Outcome.UNKNOWN, "key-unsupported", message, _SIGNING)
        else:
            alternative = level.readings.explain(found, lambda other: _matches(certificate, found, other))
            yield from _mismatch(match, alternative, question)


def _matches(certificate: Certificate, found: FoundSignature, digest: bytes) -> bool:
    algorithm = found.signature.mac.mac_algorithm if found.signature.mac else None
    if algorithm is None:
        return False
    return check_signature(certificate, algorithm, digest, found.signature.value) is Match.MATCHES


def _mismatch(match: Match, alternative: Alternative | None, question: Question) -> Iterator[Finding]:
    if alternative is not None:
        accepted = alternative.is_sound or (question.accept_old_format and alternative.is_old_format)
        outcome = Outcome.PASSED if accepted else alternative.outcome
        yield _finding(Aspect.INTEGRITY, outcome, alternative.code, alternative.message, alternative.clause)
        if alternative.shows_key:
            yield _AUTHENTIC
            return
    else:
        message = "the signed data is not what was signed; one MAC cannot tell which element changed"
        if match is Match.NO_MATCH:
            message = "the data, the signature or the key is not the one of signing; which of them cannot be told"
        yield _finding(Aspect.INTEGRITY, Outcome.FAILED, "mac-differs", message)
    if match is Match.OTHER_DATA:
        yield _AUTHENTIC
    else:
        message = "whether the key signed cannot be told while the MAC differs"
        yield _finding(Aspect.AUTHENTICITY, Outcome.UNKNOWN, "key-not-shown", message, _SIGNING)


def _finding(aspect: Aspect, outcome: Outcome, code: str, message: str, clause: str = _MAC, where: str = "") -> Finding:
    return Finding(aspect=aspect, outcome=outcome, code=code, message=message, where=where, clause=clause)


def _unknown_integrity(code: str, message: str, where: str = "") -> Finding:
    return _finding(Aspect.INTEGRITY, Outcome.UNKNOWN, code, message, where=where)


_MATCHES: Final = _finding(Aspect.INTEGRITY, Outcome.PASSED, "mac-matches", "the signed data is as it was signed")
_AUTHENTIC: Final = _finding(
    Aspect.AUTHENTICITY, Outcome.PASSED, "key-matches", "the signature was made with the certificate's key", _SIGNING
)
