"""Verification: every signature at every level, each question about it answered apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.signable import exclusion
from dcmseal.engine.certificate import Certificate, read_certificate
from dcmseal.engine.conformance import LevelView, facts_of, macro_findings, order_problems, profile_findings
from dcmseal.engine.coverage import Lists, coverage_findings
from dcmseal.engine.levels import Level, find_level, main_level, nested_levels
from dcmseal.engine.lookalikes import lookalike_findings
from dcmseal.engine.macs import LevelMacs, level_macs
from dcmseal.engine.public_key import Match, check_signature
from dcmseal.engine.reading import FoundSignature
from dcmseal.errors import CertificateNotValid, NoSuchSignature
from dcmseal.location import Location
from dcmseal.mac.digest import is_available
from dcmseal.model import DigitalSignature
from dcmseal.plugins.protocols import Profile
from dcmseal.report import Aspect, Finding, Outcome, SignatureReport, VerificationReport
from dcmseal.tags import tag_text, tags_text

if TYPE_CHECKING:
    from dcmseal.engine.alternatives import Alternative, Readings

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
    integrity_only: bool = False
    accept_old_format: bool = False
    """Take signatures in the fragment format of DCMTK before 3.5.4 for valid."""


class _Readings:
    """The other readings of a level, made when a signature does not match: few files need them."""

    def __init__(self, file: DicomFile, level: Level, macs: LevelMacs) -> None:
        self._arguments = file, level, macs

    @cached_property
    def made(self) -> Readings:
        from dcmseal.engine.alternatives import Readings

        return Readings(*self._arguments)


def verify_file(file: DicomFile, question: Question) -> VerificationReport:
    """Verify the signatures of a Data Set.

    Raises Malformed if the Data Set cannot be read, NoSuchItem or NoSuchSignature if what was asked for is not there.
    Anything wrong with a signature is a finding.
    """
    reports: list[SignatureReport] = []
    notes: list[Finding] = []
    skipped: list[Location] = []
    for level, macs in _levels(file, question):
        if level.in_original_attributes:
            skipped.append(level.location)
            continue
        chosen = [found for found in macs.found.signatures if question.uid in (None, found.signature.uid)]
        if question.uid is not None and not chosen:
            continue
        notes.extend(macs.found.problems)
        disorder = order_problems(macs.scan) if chosen else []
        readings, lists = _Readings(file, level, macs), Lists(macs)
        reports.extend(_verify(readings, lists, macs, found, question, disorder) for found in chosen)
        if not level.location.steps:
            notes.extend(lookalike_findings(macs.scan, macs.found))
    if question.uid is not None and not reports:
        raise NoSuchSignature(f"no signature has UID {question.uid}", hint="dcmseal list FILE shows all signatures")
    return VerificationReport(
        signatures=tuple(reports),
        notes=tuple(notes),
        skipped=tuple(skipped),
        integrity_only=question.integrity_only,
    )


def _levels(file: DicomFile, question: Question) -> Iterator[tuple[Level, LevelMacs]]:
    """The levels asked for, each with its MACs made."""
    level = main_level(file) if question.location is None else find_level(file, question.location)
    macs = level_macs(level)
    yield level, macs
    if question.location is None:
        for index in macs.facts.with_signatures:
            for nested in nested_levels(level, macs.scan, index):
                yield nested, level_macs(nested)


def _verify(
    readings: _Readings,
    lists: Lists,
    macs: LevelMacs,
    found: FoundSignature,
    question: Question,
    disorder: Sequence[Finding],
) -> SignatureReport:
    signature = found.signature
    listed = lists.of(signature)
    findings = [*macro_findings(found, listed.forbidden if listed else ()), *disorder]
    certificate: Certificate | None = None
    if signature.certificate:
        try:
            certificate = read_certificate(signature.certificate)
        except CertificateNotValid as error:
            findings.append(_finding(Aspect.FORM, Outcome.FAILED, "certificate-unreadable", str(error)))
    findings.extend(_signature_findings(readings, macs, found, certificate, question))
    if certificate is not None:
        findings.extend(_validity_findings(signature, certificate))
    if listed is not None:
        findings.extend(coverage_findings(listed.coverage))
    key_type = certificate.key_type if certificate else None
    facts = facts_of(signature, key_type, listed.signed if listed else frozenset())
    view = LevelView(scan=macs.scan, location=signature.location)
    met, missing = profile_findings(question.profiles, question.required, view, facts)
    findings.extend(missing)
    return SignatureReport(
        signature=signature,
        findings=tuple(findings),
        coverage=listed.coverage if listed else None,
        profiles=met,
        required=(Aspect.CONFORMANCE,) if question.required else (),
    )


def _signature_findings(
    readings: _Readings,
    macs: LevelMacs,
    found: FoundSignature,
    certificate: Certificate | None,
    question: Question,
) -> Iterator[Finding]:
    """INTEGRITY and AUTHENTICITY."""
    signature = found.signature
    algorithm = signature.mac.mac_algorithm if signature.mac else None
    job = macs.job(signature.mac)
    complete = macs.complete(found)
    if signature.mac is None:
        yield _unknown_integrity("no-mac-parameters", "there are no MAC parameters to compute the MAC with")
    elif algorithm is None or not is_available(algorithm):
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
            yield _finding(Aspect.INTEGRITY, Outcome.PASSED, "mac-matches", "the signed data is as it was signed")
            yield _authentic()
        elif match is Match.OTHER_KEY:
            yield _unknown_integrity("not-comparable", "without the right key the signed MAC cannot be seen")
            message = "the signature was not made with the certificate's key, or was damaged"
            yield _finding(Aspect.AUTHENTICITY, Outcome.FAILED, "another-key", message, _SIGNING)
        elif match is Match.UNSUPPORTED:
            yield _unknown_integrity("key-unsupported", "the certificate's kind of key is not supported")
        else:
            alternative = readings.made.explain(found, lambda other: _matches(certificate, found, other))
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
            yield _authentic()
            return
    else:
        message = "the signed data is not what was signed; one MAC cannot tell which element changed"
        if match is Match.NO_MATCH:
            message = "the data, the signature or the key is not the one of signing; which of them cannot be told"
        yield _finding(Aspect.INTEGRITY, Outcome.FAILED, "mac-differs", message)
    if match is Match.OTHER_DATA:
        yield _authentic()
    else:
        message = "whether the key signed cannot be told while the MAC differs"
        yield _finding(Aspect.AUTHENTICITY, Outcome.UNKNOWN, "key-not-shown", message, _SIGNING)


def _authentic() -> Finding:
    return _finding(
        Aspect.AUTHENTICITY,
        Outcome.PASSED,
        "key-matches",
        "the signature was made with the certificate's key",
        _SIGNING,
    )


def _validity_findings(signature: DigitalSignature, certificate: Certificate) -> Iterator[Finding]:
    """Whether the certificate was valid when the signature claims to have been made."""
    moment = signature.moment
    if moment is None:
        if signature.datetime:
            message = f"Digital Signature DateTime {signature.datetime!r} is no complete DT value with offset from UTC"
            yield _finding(
                Aspect.AUTHENTICITY, Outcome.UNKNOWN, "signing-time-unreadable", message, "PS3.3 Table C.12-6"
            )
        return
    # certificates count whole seconds
    second = moment.replace(microsecond=0)
    if second < certificate.not_before:
        message = f"it claims to be made at {second.isoformat()}, before the certificate became valid"
        yield _finding(Aspect.AUTHENTICITY, Outcome.FAILED, "certificate-not-yet-valid", message, "RFC 5280 4.1.2.5")
    elif second > certificate.not_after:
        message = f"it claims to be made at {second.isoformat()}, after the certificate had expired"
        yield _finding(Aspect.AUTHENTICITY, Outcome.FAILED, "certificate-expired", message, "RFC 5280 4.1.2.5")
    else:
        message = "the certificate was valid at the claimed time of signing"
        yield _finding(Aspect.AUTHENTICITY, Outcome.PASSED, "certificate-in-time", message, "RFC 5280 4.1.2.5")


def _finding(aspect: Aspect, outcome: Outcome, code: str, message: str, clause: str = _MAC, where: str = "") -> Finding:
    return Finding(aspect=aspect, outcome=outcome, code=code, message=message, where=where, clause=clause)


def _unknown_integrity(code: str, message: str, where: str = "") -> Finding:
    return _finding(Aspect.INTEGRITY, Outcome.UNKNOWN, code, message, where=where)
