"""Rules that Digital Signature Profiles share (PS3.15 6.3): compare a signature with requirements.

A profile states its Requirements, and :func:`requirement_findings` compares a signature with them:

    def check(self, dataset, facts):
        return requirement_findings(self.requirements(dataset), dataset, facts)
"""

from __future__ import annotations

from collections.abc import Iterator

from dcmseal.dictionary import tag_keyword
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.plugins.profile import OTHER_PURPOSE, ProfiledDataset, Requirements, SignatureFacts
from dcmseal.tags import format_tag
from dcmseal.terms import CertificateType, SignaturePurpose, TimestampType


def requirement_findings(
    requirements: Requirements, dataset: ProfiledDataset, facts: SignatureFacts
) -> tuple[Finding, ...]:
    """Compare a signature with requirements.

    Codes: ``profile-not-applicable``, ``not-main-data-set``, ``mac-algorithm-not-allowed``, ``key-type-not-allowed``,
    ``key-type-unknown``, ``key-size-not-allowed``, ``purpose-missing``, ``purpose-not-allowed``,
    ``timestamp-missing``; and once for each element, with the tag in ``where``, ``element-missing``,
    ``element-not-covered``, ``element-of-later-edition`` and ``element-not-allowed``.

    Args:
        requirements: What the profile requires.
        dataset: The Data Set that is signed.
        facts: The signature.

    Returns:
        A finding for each requirement that is not met.
    """
    return (
        *_dataset_findings(requirements, dataset),
        *_key_findings(requirements, facts),
        *_purpose_findings(requirements, facts),
        *_element_findings(requirements, dataset, facts),
    )


def type_findings(facts: SignatureFacts, clause: str) -> tuple[Finding, ...]:
    """Check Certificate Type and Certified Timestamp Type, for which PS3.15 C.1 defines one term each.

    Codes: ``certificate-type``, ``timestamp-type``. A missing timestamp is allowed.

    Args:
        facts: The signature.
        clause: The clause that findings cite.
    """
    findings: list[Finding] = []
    if facts.certificate_type != CertificateType.X509_1993_SIG:
        message = f"Certificate Type is {facts.certificate_type!r}, not {CertificateType.X509_1993_SIG}"
        findings.append(_conformance_finding("certificate-type", message, clause=clause))
    if facts.timestamp_type not in ("", TimestampType.CMS_TSP):
        message = f"Certified Timestamp Type is {facts.timestamp_type!r}, not {TimestampType.CMS_TSP}"
        findings.append(_conformance_finding("timestamp-type", message, clause=clause))
    return tuple(findings)


def _dataset_findings(requirements: Requirements, dataset: ProfiledDataset) -> Iterator[Finding]:
    if requirements.inapplicable:
        yield _conformance_finding("profile-not-applicable", requirements.inapplicable, clause=requirements.clause)
    if requirements.main_dataset_only and not dataset.is_main:
        yield _conformance_finding(
            "not-main-data-set", "the signature is of an item, not of the main data set", clause=requirements.clause
        )


def _key_findings(requirements: Requirements, facts: SignatureFacts) -> Iterator[Finding]:
    clause = requirements.clause
    if requirements.mac_algorithms and facts.mac_algorithm not in requirements.mac_algorithms:
        allowed = ", ".join(sorted(requirements.mac_algorithms))
        used = facts.mac_algorithm or "unknown"
        yield _conformance_finding(
            "mac-algorithm-not-allowed", f"MAC Algorithm is {used}, not one of {allowed}", clause=clause
        )
    if requirements.key_types and facts.key_type not in requirements.key_types:
        allowed = ", ".join(sorted(kind.value for kind in requirements.key_types))
        if facts.key_type is None:
            message = f"the type of the key is unknown; the profile allows {allowed}"
            yield _conformance_finding("key-type-unknown", message, clause=clause, outcome=Outcome.UNKNOWN)
        else:
            message = f"the type of the key is {facts.key_type.value}, not one of {allowed}"
            yield _conformance_finding("key-type-not-allowed", message, clause=clause)
    min_bits = requirements.key_bits.get(facts.key_type, 0) if facts.key_type else 0
    if facts.key_bits is not None and facts.key_bits < min_bits:
        message = f"the key has {facts.key_bits} bits, fewer than the required {min_bits}"
        yield _conformance_finding("key-size-not-allowed", message, clause=clause)
    if requirements.timestamp_required and not facts.timestamp_type:
        yield _conformance_finding("timestamp-missing", "the signature has no certified timestamp", clause=clause)


def _purpose_findings(requirements: Requirements, facts: SignatureFacts) -> Iterator[Finding]:
    if facts.purpose is None:
        if requirements.purpose_required:
            yield _conformance_finding(
                "purpose-missing", "the signature states no Digital Signature Purpose", clause=requirements.clause
            )
    elif requirements.purposes and facts.purpose not in requirements.purposes:
        allowed = ", ".join(map(_format_purpose, sorted(requirements.purposes)))
        message = f"the signature's purpose is {_format_purpose(facts.purpose)}, not one of {allowed}"
        yield _conformance_finding("purpose-not-allowed", message, clause=requirements.clause)


def _element_findings(requirements: Requirements, dataset: ProfiledDataset, facts: SignatureFacts) -> Iterator[Finding]:
    clause, tables = requirements.clause, requirements.tables
    for tag in sorted(requirements.mandatory.difference(dataset.tags)):
        message = f"{_format_element(tag)} is required but missing"
        yield _conformance_finding("element-missing", message, clause=clause, where=format_tag(tag))
    for tag in sorted((requirements.required_tags & frozenset(dataset.tags)) - facts.elements):
        origin = f", of the {tables.origins[tag]}," if tables and tag in tables.origins else ""
        message = f"{_format_element(tag)}{origin} is present but not signed"
        if tables and tables.earlier and tag in tables.added:
            message += f"; the tables of the earlier edition {tables.earlier} do not list it"
            yield _conformance_finding("element-of-later-edition", message, clause=clause, where=format_tag(tag))
        else:
            yield _conformance_finding("element-not-covered", message, clause=clause, where=format_tag(tag))
    for tag in sorted(requirements.forbidden & facts.elements):
        message = f"{_format_element(tag)} is signed, but the profile does not allow that"
        yield _conformance_finding("element-not-allowed", message, clause=clause, where=format_tag(tag))


def _format_element(tag: int) -> str:
    return f"{format_tag(tag)} {tag_keyword(tag) or ''}".rstrip()


def _conformance_finding(
    code: str, message: str, *, clause: str, where: str = "", outcome: Outcome = Outcome.FAILED
) -> Finding:
    return Finding(aspect=Aspect.CONFORMANCE, outcome=outcome, code=code, message=message, where=where, clause=clause)


def _format_purpose(purpose: int) -> str:
    if purpose == OTHER_PURPOSE:
        return "a code outside CID 7007"
    if purpose in SignaturePurpose.__members__.values():
        return f"{purpose} ({SignaturePurpose(purpose).meaning})"
    return str(purpose)
