"""Match signatures against the parts of a rule, and determine which signatures are by the same signer."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

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


class ElementCoverage(Struct, frozen=True, kw_only=True):
    """The elements of a level, by whether a signature covers them."""

    signed: frozenset[int] = frozenset()
    unsigned: frozenset[int] = frozenset()
    unsignable: frozenset[int] = frozenset()

    def has(self, tag: int) -> bool:
        """Whether an element is present."""
        return tag in self.signed or tag in self.unsigned or tag in self.unsignable


class SignatureCandidate(Struct, frozen=True, kw_only=True, eq=False):
    """A signature at the level that a policy is about."""

    report: SignatureReport
    validity: Outcome
    """PASSED if it is valid, UNKNOWN if its validity is not established."""
    coverage: ElementCoverage | None
    """None if its list of elements was not examined."""
    certificate: Certificate | None

    @property
    def uid(self) -> str:
        """Digital Signature UID."""
        return self.report.signature.uid

    @property
    def name(self) -> NameAttributes:
        """The subject of its certificate, normalized for comparison (RFC 5280 7.1), regardless of order.

        It is empty if all attributes are blank, or the subject cannot be parsed.
        """
        attributes = subject_attributes(self.certificate) if self.certificate else NO_ATTRIBUTES
        folded = ((oid, " ".join(str(value).casefold().split())) for oid, value in attributes)
        return frozenset((oid, value) for oid, value in folded if value)

    @property
    def key(self) -> bytes:
        """The public key of its certificate; empty without a certificate."""
        return self.certificate.public_key_info if self.certificate else b""

    @property
    def is_identified(self) -> bool:
        """Whether its signer is identified: without trust, the name in a certificate is only a claim."""
        return self.report.outcome(Aspect.TRUST) is Outcome.PASSED

    @property
    def misplaced_elements(self) -> Iterator[int]:
        """Elements that are never signed and do not belong at its level."""
        for each in self.report.findings:
            tag = parse_hex_tag(each.where) if each.code in _MISPLACED_CODES else None
            if tag is not None:
                yield tag

    def covers(self, tag: int) -> Outcome:
        """Whether it covers an element; PASSED if the element is absent."""
        if self.coverage is None or (tag not in self.coverage.signed and self.coverage.has(tag)):
            return Outcome.FAILED
        differs = any(each.code == "transfer-syntax-differs" for each in self.report.findings)
        # the bytes of the pixels are covered, but not their interpretation
        return Outcome.UNKNOWN if tag == PIXEL_DATA and differs else Outcome.PASSED

    def iter_unmet(self, rule: Rule, names: Sequence[NameAttributes]) -> Iterator[tuple[Outcome, str]]:
        """Iterate over the parts of a rule that the signature does not meet.

        Args:
            rule: The rule.
            names: The parsed names of the rule's signers.

        Yields:
            Outcomes and reasons.
        """
        if self.validity is not Outcome.PASSED:
            reason = "it is invalid" if self.validity is Outcome.FAILED else "its validity is not established"
            yield self.validity, reason
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
        for outcome, reason in (
            (Outcome.FAILED, "it does not cover"),
            (Outcome.UNKNOWN, "it is not established whether it covers"),
        ):
            tags = sorted(tag for tag in rule.covered if self.covers(tag) is outcome)
            if tags:
                yield outcome, f"{reason} {format_tags(tags)}"
        if rule.timestamp:
            yield from self._iter_unmet_timestamp()

    def _iter_unmet_names(self, names: Sequence[NameAttributes]) -> Iterator[tuple[Outcome, str]]:
        attributes = subject_attributes(self.certificate) if self.certificate else NO_ATTRIBUTES
        if not any(name <= attributes for name in names):
            subject = self.certificate.subject if self.certificate else ""
            yield Outcome.FAILED, f"its signer is {subject or 'unknown'}"
        elif not self.is_identified:
            yield Outcome.UNKNOWN, "its signer's name is only claimed, because trust in the signer is not established"

    def _iter_unmet_profiles(self, rule: Rule) -> Iterator[tuple[Outcome, str]]:
        for profile in rule.profiles:
            name = profile if isinstance(profile, str) else profile.name
            outcomes = {outcome for known, outcome in self.report.required_profiles if known == name}
            if Outcome.FAILED in outcomes:
                yield Outcome.FAILED, f"it does not meet {name}"
            elif outcomes != {Outcome.PASSED}:
                yield Outcome.UNKNOWN, f"it is not established whether it meets {name}"

    def _iter_unmet_timestamp(self) -> Iterator[tuple[Outcome, str]]:
        if not (self.report.signature.timestamp or self.report.signature.timestamp_type):
            yield Outcome.FAILED, "it has no certified timestamp"
            return
        ignored = AUTHORITY_TRUST_CODES if self.report.integrity_only else frozenset[str]()
        findings = [each for each in self.report.findings if each.aspect is Aspect.TIMESTAMP]
        outcomes = {each.outcome for each in findings if each.code not in ignored}
        if self.report.certified_time is None or outcomes - {Outcome.NOT_CHECKED} != {Outcome.PASSED}:
            yield Outcome.UNKNOWN, "the validity of its timestamp is not established"


def find_candidates(signatures: Iterable[SignatureReport], location: Location) -> tuple[SignatureCandidate, ...]:
    """Return the signatures at a level.

    Args:
        signatures: The reports on all signatures of a file.
        location: The level.
    """
    known: dict[int, ElementCoverage] = {}
    return tuple(
        SignatureCandidate(
            report=each,
            validity=_VALIDITY_BY_VERDICT.get(each.verdict, Outcome.FAILED),
            coverage=_element_coverage(each.coverage, known),
            certificate=_read_certificate(each),
        )
        for each in signatures
        if each.signature.location == location
    )


def _element_coverage(coverage: Coverage | None, known: dict[int, ElementCoverage]) -> ElementCoverage | None:
    """Convert a coverage to sets, once for all signatures that share it."""
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
    """Identify the signer of each signature: signatures with the same key or the same name are by one signer.

    A person may have several certificates with one name, and a key may be certified under several names. Empty names
    do not count as equal.

    Args:
        candidates: The signatures.

    Returns:
        For each signature a value that is equal for signatures by the same signer.
    """
    parents: dict[Hashable, Hashable] = {}

    def find_root(node: Hashable) -> Hashable:
        while parents.setdefault(node, node) != node:
            parents[node] = node = parents[parents[node]]
        return node

    nodes: list[Hashable] = []
    for each in candidates:
        node = each.key or each
        nodes.append(node)
        if each.name:
            parents[find_root(node)] = find_root(each.name)
    return [find_root(node) for node in nodes]
