"""Rules that Digital Signature Profiles share (PS3.15 6.3): requirements held against a signature, as findings.

A profile states its Requirements and lets :func:`unmet` do the comparison:

    def check(self, dataset, facts):
        return unmet(self.requirements(dataset), dataset, facts)
"""

from __future__ import annotations

from collections.abc import Iterator

from dcmseal.dictionary import keyword_of
from dcmseal.plugins.protocols import OTHER_PURPOSE, ProfiledDataset, Requirements, SignatureFacts
from dcmseal.report import Aspect, Finding, Outcome
from dcmseal.tags import tag_text
from dcmseal.terms import CertificateType, SignaturePurpose, TimestampType


def unmet(requirements: Requirements, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
    """What a signature lacks; empty if it meets the requirements.

    Codes: ``profile-not-applicable``, ``not-main-data-set``, ``mac-algorithm-not-allowed``, ``key-type-not-allowed``,
    ``key-type-unknown``, ``key-size-not-allowed``, ``purpose-missing``, ``purpose-not-allowed``,
    ``timestamp-missing``; and once for each element, with the tag in ``where``, ``element-missing``,
    ``element-not-covered``, ``element-of-later-edition`` and ``element-not-allowed``.
    """
    return (
        *_about_the_data_set(requirements, dataset),
        *_about_the_key(requirements, facts),
        *_about_the_purpose(requirements, facts),
        *_about_the_elements(requirements, dataset, facts),
    )


def wrong_types(facts: SignatureFacts, clause: str) -> tuple[Finding, ...]:
    """What is wrong with the types of certificate and timestamp that PS3.15 C.1 asks for.

    Codes: ``certificate-type``, ``timestamp-type``. No timestamp is no fault.
    """
    findings: list[Finding] = []
    if facts.certificate_type != CertificateType.X509_1993_SIG:
        message = f"Certificate Type is {facts.certificate_type!r}, not {CertificateType.X509_1993_SIG}"
        findings.append(_finding("certificate-type", message, clause=clause))
    if facts.timestamp_type not in ("", TimestampType.CMS_TSP):
        message = f"Certified Timestamp Type is {facts.timestamp_type!r}, not {TimestampType.CMS_TSP}"
        findings.append(_finding("timestamp-type", message, clause=clause))
    return tuple(findings)


def _about_the_data_set(requirements: Requirements, dataset: ProfiledDataset) -> Iterator[Finding]:
    if requirements.inapplicable:
        yield _finding("profile-not-applicable", requirements.inapplicable, clause=requirements.clause)
    if requirements.main_dataset_only and not dataset.is_main:
        yield _finding("not-main-data-set", "it signs an item, not the main data set", clause=requirements.clause)


def _about_the_key(requirements: Requirements, facts: SignatureFacts) -> Iterator[Finding]:
    clause = requirements.clause
    if requirements.mac_algorithms and facts.mac_algorithm not in requirements.mac_algorithms:
        allowed = ", ".join(sorted(requirements.mac_algorithms))
        used = facts.mac_algorithm or "of no known term"
        yield _finding("mac-algorithm-not-allowed", f"MAC Algorithm is {used}, not one of {allowed}", clause=clause)
    if requirements.key_types and facts.key_type not in requirements.key_types:
        allowed = ", ".join(sorted(kind.value for kind in requirements.key_types))
        if facts.key_type is None:
            message = f"the kind of key could not be told; allowed are {allowed}"
            yield _finding("key-type-unknown", message, clause=clause, outcome=Outcome.UNKNOWN)
        else:
            message = f"the key is {facts.key_type.value}, not one of {allowed}"
            yield _finding("key-type-not-allowed", message, clause=clause)
    least = requirements.key_bits.get(facts.key_type, 0) if facts.key_type else 0
    if facts.key_bits is not None and facts.key_bits < least:
        message = f"the key has {facts.key_bits} bits, less than the {least} that are wanted"
        yield _finding("key-size-not-allowed", message, clause=clause)
    if requirements.timestamp_required and not facts.timestamp_type:
        yield _finding("timestamp-missing", "it has no certified timestamp", clause=clause)


def _about_the_purpose(requirements: Requirements, facts: SignatureFacts) -> Iterator[Finding]:
    if facts.purpose is None:
        if requirements.purpose_required:
            yield _finding("purpose-missing", "it states no Digital Signature Purpose", clause=requirements.clause)
    elif requirements.purposes and facts.purpose not in requirements.purposes:
        allowed = ", ".join(map(_purpose_text, sorted(requirements.purposes)))
        message = f"its purpose is {_purpose_text(facts.purpose)}, not one of {allowed}"
        yield _finding("purpose-not-allowed", message, clause=requirements.clause)


def _about_the_elements(
    requirements: Requirements, dataset: ProfiledDataset, facts: SignatureFacts
) -> Iterator[Finding]:
    clause, tables = requirements.clause, requirements.tables
    for tag in sorted(requirements.mandatory.difference(dataset.tags)):
        message = f"{_named(tag)} must be there and signed, and is not there"
        yield _finding("element-missing", message, clause=clause, where=tag_text(tag))
    for tag in sorted((requirements.required_tags & frozenset(dataset.tags)) - facts.elements):
        origin = f", of the {tables.origins[tag]}," if tables and tag in tables.origins else ""
        message = f"{_named(tag)}{origin} is present but not signed"
        if tables and tables.earlier and tag in tables.added:
            message += f"; it is a matter of editions: the tables of {tables.earlier} do not name it"
            yield _finding("element-of-later-edition", message, clause=clause, where=tag_text(tag))
        else:
            yield _finding("element-not-covered", message, clause=clause, where=tag_text(tag))
    for tag in sorted(requirements.forbidden & facts.elements):
        message = f"{_named(tag)} is signed, and must not be"
        yield _finding("element-not-allowed", message, clause=clause, where=tag_text(tag))


def _named(tag: int) -> str:
    return f"{tag_text(tag)} {keyword_of(tag) or ''}".rstrip()


def _finding(code: str, message: str, *, clause: str, where: str = "", outcome: Outcome = Outcome.FAILED) -> Finding:
    return Finding(aspect=Aspect.CONFORMANCE, outcome=outcome, code=code, message=message, where=where, clause=clause)


def _purpose_text(purpose: int) -> str:
    if purpose == OTHER_PURPOSE:
        return "none of CID 7007"
    if purpose in SignaturePurpose.__members__.values():
        return f"{purpose} ({SignaturePurpose(purpose).meaning})"
    return str(purpose)
