"""Rules that Digital Signature Profiles share (PS3.15 6.3): requirements held against a signature, as findings.

A profile states its Requirements and lets :func:`unmet` do the comparison:

    def check(self, dataset, facts):
        return unmet(self.requirements(dataset), dataset, facts)
"""

from __future__ import annotations

from collections.abc import Iterator

from dcmseal.plugins.protocols import ProfiledDataset, Requirements, SignatureFacts
from dcmseal.report import Aspect, Finding, Outcome
from dcmseal.tags import tag_text
from dcmseal.terms import CertificateType, SignaturePurpose, TimestampType


def unmet(requirements: Requirements, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
    """What a signature lacks; empty if it meets the requirements.

    Codes: ``mac-algorithm-not-allowed``, ``key-type-not-allowed``, ``key-type-unknown``, ``purpose-missing``,
    ``purpose-not-allowed``, ``not-main-data-set``, and ``element-not-covered`` once for each element, with the
    tag in ``where``.
    """
    return tuple(_unmet(requirements, dataset, facts))


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


def _unmet(requirements: Requirements, dataset: ProfiledDataset, facts: SignatureFacts) -> Iterator[Finding]:
    clause = requirements.clause
    if requirements.main_dataset_only and not dataset.is_main:
        yield _finding("not-main-data-set", "it signs an item, not the main data set", clause=clause)
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
    if facts.purpose is None:
        if requirements.purpose_required:
            yield _finding("purpose-missing", "it states no Digital Signature Purpose", clause=clause)
    elif requirements.purposes and facts.purpose not in requirements.purposes:
        allowed = ", ".join(map(_purpose_text, sorted(requirements.purposes)))
        message = f"its purpose is {_purpose_text(facts.purpose)}, not one of {allowed}"
        yield _finding("purpose-not-allowed", message, clause=clause)
    for tag in sorted(requirements.elements.intersection(dataset.tags) - facts.elements):
        message = f"{tag_text(tag)} is present but not signed"
        yield _finding("element-not-covered", message, clause=clause, where=tag_text(tag))


def _finding(code: str, message: str, *, clause: str, where: str = "", outcome: Outcome = Outcome.FAILED) -> Finding:
    return Finding(aspect=Aspect.CONFORMANCE, outcome=outcome, code=code, message=message, where=where, clause=clause)


def _purpose_text(purpose: int) -> str:
    if purpose in SignaturePurpose.__members__.values():
        return f"{purpose} ({SignaturePurpose(purpose).meaning})"
    return str(purpose)
