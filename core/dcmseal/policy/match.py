"""The signatures that may meet a policy: what each of them has of what a rule names, and which are of one signer."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dcmseal.errors import CertificateNotValid
from dcmseal.findings import Aspect, Outcome
from dcmseal.location import Location
from dcmseal.macro.profile_view import purpose_code
from dcmseal.macro.signer_certificate import Certificate, read_certificate
from dcmseal.model.report import Coverage, SignatureReport
from dcmseal.model.verdict import AUTHORITY_TRUST_CODES, Verdict
from dcmseal.policy.distinguished_names import NO_ATTRIBUTES, NameAttributes, subject_attributes
from dcmseal.policy.rule import Rule, normalize_fingerprint
from dcmseal.tags import PIXEL_DATA, format_tags, parse_hex_tag

_VALIDITY_BY_VERDICT: Final = {Verdict.VALID: Outcome.PASSED, Verdict.NOT_ESTABLISHED: Outcome.UNKNOWN}
_MISPLACED_CODES: Final = frozenset({"element-out-of-place", "element-never-signed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementCoverage:
    """The elements of a level, and those that a signature covers."""

    signed: frozenset[int] = frozenset()
    unsigned: frozenset[int] = frozenset()
    unsignable: frozenset[int] = frozenset()

    def has(self, tag: int) -> bool:
        """Whether the element is there."""
        return tag in self.signed or tag in self.unsigned or tag in self.unsignable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SignatureCandidate:
    """A signature at the level that is asked about."""

    report: SignatureReport
    validity: Outcome
    """PASSED if it is valid, UNKNOWN if that is not established."""
    coverage: ElementCoverage | None
    """None if its list was not looked at."""
    certificate: Certificate | None

    @property
    def uid(self) -> str:
        """Digital Signature UID."""
        return self.report.signature.uid

    @property
    def name(self) -> NameAttributes:
        """The name that its certificate has, as names are compared (RFC 5280 7.1), whatever their order.

        Empty for one that says nothing, or cannot be read: it is nobody's.
        """
        attributes = subject_attributes(self.certificate) if self.certificate else NO_ATTRIBUTES
        folded = ((oid, " ".join(str(value).casefold().split())) for oid, value in attributes)
        return frozenset((oid, value) for oid, value in folded if value)

    @property
    def key(self) -> bytes:
        """The public key."""
        return self.certificate.public_key_info if self.certificate else b""

    @property
    def is_identified(self) -> bool:
        """Whether its signer is who the certificate says: anybody can make a certificate with any name."""
        return self.report.outcome(Aspect.TRUST) is Outcome.PASSED

    @property
    def misplaced_elements(self) -> Iterator[int]:
        """Elements that are never signed, and have no place at its level."""
        for each in self.report.findings:
            tag = parse_hex_tag(each.where) if each.code in _MISPLACED_CODES else None
            if tag is not None:
                yield tag

    def covers(self, tag: int) -> Outcome:
        """Whether it covers an element, which may not be there."""
        if self.coverage is None or (tag not in self.coverage.signed and self.coverage.has(tag)):
            return Outcome.FAILED
        differs = any(each.code == "transfer-syntax-differs" for each in self.report.findings)
        # what the pixels mean is in question, though their bytes are covered
        return Outcome.UNKNOWN if tag == PIXEL_DATA and differs else Outcome.PASSED

    def iter_unmet(self, rule: Rule, names: Sequence[NameAttributes]) -> Iterator[tuple[Outcome, str]]:
        """What it does not have of what a rule names, and why; ``names`` are those of its signers."""
        if self.validity is not Outcome.PASSED:
            yield (
                self.validity,
                "it is invalid" if self.validity is Outcome.FAILED else "its validity is not established",
            )
        if rule.purposes and purpose_code(self.report.signature) not in rule.purposes:
            stated = self.report.signature.purpose
            yield Outcome.FAILED, f"its purpose is {stated.meaning}" if stated else "it states no purpose"
        if names:
            yield from self._iter_unmet_names(names)
        if rule.certificates:
            pins = map(normalize_fingerprint, rule.certificates)
            if self.certificate is None or self.certificate.sha256 not in pins:
                yield Outcome.FAILED, "it was made with another certificate"
        yield from self._iter_unmet_profiles(rule)
        for outcome, says in ((Outcome.FAILED, "does not cover"), (Outcome.UNKNOWN, "may not cover")):
            tags = sorted(tag for tag in rule.covered if self.covers(tag) is outcome)
            if tags:
                yield outcome, f"it {says} {format_tags(tags)}"
        if rule.timestamp:
            yield from self._iter_unmet_timestamp()

    def _iter_unmet_names(self, names: Sequence[NameAttributes]) -> Iterator[tuple[Outcome, str]]:
        attributes = subject_attributes(self.certificate) if self.certificate else NO_ATTRIBUTES
        if not any(name <= attributes for name in names):
            subject = self.certificate.subject if self.certificate else ""
            yield Outcome.FAILED, f"its signer is {subject or 'unknown'}"
        elif not self.is_identified:
            yield Outcome.UNKNOWN, "its signer's name is only claimed, without trust"

    def _iter_unmet_profiles(self, rule: Rule) -> Iterator[tuple[Outcome, str]]:
        for profile in rule.profiles:
            name = profile if isinstance(profile, str) else profile.name
            outcomes = {outcome for known, outcome in self.report.required_profiles if known == name}
            if Outcome.FAILED in outcomes:
                yield Outcome.FAILED, f"it does not meet {name}"
            elif outcomes != {Outcome.PASSED}:
                yield Outcome.UNKNOWN, f"it may not meet {name}"

    def _iter_unmet_timestamp(self) -> Iterator[tuple[Outcome, str]]:
        if not (self.report.signature.timestamp or self.report.signature.timestamp_type):
            yield Outcome.FAILED, "it has no certified timestamp"
            return
        ignored = AUTHORITY_TRUST_CODES if self.report.integrity_only else frozenset[str]()
        findings = [each for each in self.report.findings if each.aspect is Aspect.TIMESTAMP]
        outcomes = {each.outcome for each in findings if each.code not in ignored}
        if self.report.certified_time is None or outcomes - {Outcome.NOT_CHECKED} != {Outcome.PASSED}:
            yield Outcome.UNKNOWN, "its timestamp is not established"


def find_candidates(signatures: Iterable[SignatureReport], at: Location) -> tuple[SignatureCandidate, ...]:
    """The signatures of a report that stand at a level."""
    known: dict[int, ElementCoverage] = {}
    return tuple(
        SignatureCandidate(
            report=each,
            validity=_VALIDITY_BY_VERDICT.get(each.verdict, Outcome.FAILED),
            coverage=_element_coverage(each.coverage, known),
            certificate=_read_certificate(each),
        )
        for each in signatures
        if each.signature.location == at
    )


def _element_coverage(coverage: Coverage | None, known: dict[int, ElementCoverage]) -> ElementCoverage | None:
    """As sets; signatures that list the same share their coverage."""
    if coverage is None:
        return None
    if id(coverage) not in known:
        known[id(coverage)] = ElementCoverage(
            signed=frozenset(coverage.signed),
            unsigned=frozenset(coverage.unsigned),
            unsignable=frozenset(tag for tag, _ in coverage.unsignable),
        )
    return known[id(coverage)]


def _read_certificate(report: SignatureReport) -> Certificate | None:
    try:
        return read_certificate(report.signature.certificate) if report.signature.certificate else None
    except CertificateNotValid:
        return None


def identify_signers(candidates: Iterable[SignatureCandidate]) -> list[Hashable]:
    """Who made each signature: signatures are of one signer if they share the key, or the name, with one another.

    A person has several certificates, of one name; and a key may be certified under several names. A name that says
    nothing joins nobody.
    """
    parents: dict[Hashable, Hashable] = {}

    def first(mark: Hashable) -> Hashable:
        while parents.setdefault(mark, mark) != mark:
            parents[mark] = mark = parents[parents[mark]]
        return mark

    marks: list[Hashable] = []
    for each in candidates:
        mark = each.key or each
        marks.append(mark)
        if each.name:
            parents[first(mark)] = first(each.name)
    return [first(mark) for mark in marks]
