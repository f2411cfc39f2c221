"""Convert values that several kinds of JSON documents contain: signatures, findings, elements."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dcmseal.dictionary import tag_keyword
from dcmseal.documents.json_types import Document, Json
from dcmseal.errors import CertificateNotValid
from dcmseal.macro.signer_certificate import Certificate, read_certificate
from dcmseal.model.signature import CertifiedTime
from dcmseal.model.verdict import judge_aspects

if TYPE_CHECKING:
    from dcmseal.findings import Finding, Outcome
    from dcmseal.macro.inspection import Signature, SignedElement
    from dcmseal.model.report import Coverage, CoverageGap, Instance, ObjectCoverage, SignatureReport, SignerTrust
    from dcmseal.model.signature import DigitalSignature, MacParameters, PurposeCode
    from dcmseal.plugins.profile import Profile, Requirements
    from dcmseal.plugins.report_writer import ReportContext
    from dcmseal.plugins.signer_backend import KeyListing
    from dcmseal.references.fill_references import FilledReference
    from dcmseal.signing.warnings import SigningWarning


_MAX_CACHED_SIGNERS: Final = 64


def signer_value(certificate: bytes) -> Json:
    """Convert a signer's certificate; None if it cannot be parsed."""
    known = _parse_signer(certificate)
    return None if known is None else {**known}


# most files of an archive have the same few signers
@lru_cache(_MAX_CACHED_SIGNERS)
def _parse_signer(certificate: bytes) -> Document | None:
    try:
        return certificate_value(read_certificate(certificate))
    except CertificateNotValid:
        return None


def certificate_value(certificate: Certificate) -> Document:
    """Convert the fields of a certificate."""
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        # many JSON readers would round a number of 160 bits
        "serial": f"{certificate.serial_number:x}",
        "not_before": format_moment(certificate.not_before),
        "not_after": format_moment(certificate.not_after),
        "key_type": certificate.key_type.value if certificate.key_type else "",
        "key_bits": certificate.key_bits,
        "sha256": certificate.sha256,
    }


def certified_time_value(time: CertifiedTime | None) -> Json:
    """Convert a certified time; None without a valid timestamp."""
    if time is None:
        return None
    return {
        "time": format_moment(time.moment),
        "accuracy_microseconds": None if time.accuracy is None else time.accuracy // timedelta(microseconds=1),
        "policy": time.policy,
        "serial": f"{time.serial_number:x}",
        "authority": signer_value(time.authority),
    }


def format_moment(moment: datetime) -> str | None:
    """Format a time as ISO 8601 in UTC; None if it is outside the years 1 to 9999."""
    try:
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return None


def reference_value(reference: FilledReference) -> Document:
    """Convert a reference to a cited instance."""
    return {
        "location": str(reference.location),
        "sop_instance_uid": reference.uid,
        "file": reference.file,
        "signatures": [*reference.signatures],
        "mac": reference.has_mac,
        "already_present": reference.was_present,
    }


def signature_report_value(report: SignatureReport) -> Document:
    """Convert the verification of a signature."""
    return {
        **signature_claims_value(report.signature),
        "index": report.signature.index,
        "verdict": report.verdict.value,
        "aspects": aspect_values(report),
        "required": required_values(report.required_profiles),
        "findings": [finding_value(each) for each in report.findings],
        "coverage": None if report.coverage is None else _coverage(report.coverage),
        "profiles": list(report.profiles),
        "trust": None if report.trust is None else _trust(report.trust),
        "certified_time": certified_time_value(report.certified_time),
    }


def aspect_values(report: SignatureReport) -> Document:
    """Convert the outcomes of all aspects."""
    return {aspect.value: outcome.value for aspect, outcome in judge_aspects(report.findings).items()}


def object_coverage_value(coverage: ObjectCoverage) -> Document:
    """Convert the coverage of an object."""
    return {**object_coverage_counts(coverage), "not_covered": [gap_value(each) for each in coverage.gaps]}


def object_coverage_counts(coverage: ObjectCoverage) -> Document:
    """Convert the coverage of an object, without the elements that are not covered."""
    return {
        "complete": coverage.is_complete,
        "covered": coverage.covered,
        "elements": coverage.elements,
        "critical": coverage.critical,
        "others": coverage.others,
    }


def gap_value(gap: CoverageGap) -> Document:
    """Convert elements that are not covered."""
    from dcmseal.model.coverage_map import format_gap

    return {
        "path": [f"{tag:08X}" for tag in gap.path],
        "name": format_gap(gap),
        "critical": gap.critical,
        "count": gap.count,
    }


def required_values(profiles: Iterable[tuple[str, Outcome]]) -> list[Json]:
    """Convert the profiles that were required, and whether a signature meets them."""
    return [{"profile": name, "outcome": outcome.value} for name, outcome in profiles]


def instance_value(instance: Instance) -> Document:
    """Convert the identity of the verified object."""
    from dcmseal.verification.instance_identity import sop_class_name

    return {
        "size": instance.size,
        "sha256": instance.sha256,
        "sop_class": {"uid": instance.sop_class, "name": sop_class_name(instance.sop_class)},
        "sop_instance": instance.sop_instance,
        "study": instance.study,
        "series": instance.series,
        "patient": element_values(instance.patient),
    }


def context_value(context: ReportContext) -> Document:
    """Convert the version, time and settings of a verification."""
    return {
        "version": context.version,
        "time": format_moment(context.moment),
        "settings": [{"name": name, "value": value} for name, value in context.settings],
    }


def _trust(trust: SignerTrust) -> Document:
    return {
        "time": format_moment(trust.moment),
        "basis": trust.basis.value,
        "chain": [signer_value(each) for each in trust.chain],
    }


def signature_value(signature: Signature) -> Document:
    """Convert a signature and the elements it lists, not verified."""
    return {
        **signature_claims_value(signature.content),
        "index": signature.content.index,
        "elements": [signed_element_value(each) for each in signature.elements],
    }


def signature_claims_value(signature: DigitalSignature) -> Document:
    """Convert the contents of a signature, not verified."""
    return {
        "uid": signature.uid,
        "location": str(signature.location),
        "signer": signer_value(signature.certificate),
        "datetime": signature.datetime,
        "signing_time": None if signature.moment is None else format_moment(signature.moment),
        "purpose": None if signature.purpose is None else _purpose(signature.purpose),
        "certificate_type": signature.certificate_type,
        "timestamp": {"type": signature.timestamp_type} if signature.timestamp_type or signature.timestamp else None,
        "mac": None if signature.mac is None else _mac(signature.mac),
    }


def _purpose(purpose: PurposeCode) -> Document:
    return {"value": purpose.value, "scheme": purpose.scheme, "meaning": purpose.meaning}


def _mac(mac: MacParameters) -> Document:
    return {
        "id": mac.mac_id,
        "algorithm": mac.algorithm,
        "transfer_syntax": mac.transfer_syntax,
        "elements": element_values(mac.elements),
    }


def finding_value(finding: Finding) -> Document:
    """Convert a finding."""
    return {
        "aspect": finding.aspect.value,
        "outcome": finding.outcome.value,
        "code": finding.code,
        "message": finding.message,
        "where": finding.where,
        "clause": finding.clause,
    }


def _coverage(coverage: Coverage) -> Document:
    return {
        "signed": element_values(coverage.signed),
        "unsigned": element_values(coverage.unsigned),
        "unsignable": elements_with_reasons(coverage.unsignable),
        "absent": element_values(coverage.absent),
        "critical": element_values(coverage.critical),
    }


def warning_value(warning: SigningWarning) -> Document:
    """Convert a warning."""
    return {"code": warning.code, "message": warning.message, "elements": element_values(warning.elements)}


def profile_value(profile: Profile) -> Document:
    """Convert the names of a Digital Signature Profile."""
    return {"name": profile.name, "title": profile.title, "reference": profile.reference}


def key_value(key: KeyListing) -> Document:
    """Convert a key listing."""
    return {
        "uri": key.uri,
        "label": key.label,
        "key_type": key.key_type.value if key.key_type else "",
        "detail": {**key.detail},
        "problem": key.problem,
    }


def element_value(tag: int) -> Document:
    """Convert a tag to eight hexadecimal digits, with the keyword."""
    return {"tag": f"{tag:08X}", "keyword": tag_keyword(tag) or ""}


def required_element_value(tag: int, rules: Requirements) -> Document:
    """Convert an element that a profile requires."""
    tables = rules.tables
    origin = tables.origins.get(tag) if tables else None
    return {
        **element_value(tag),
        "origin": origin or rules.clause,
        "later_edition": bool(tables and tag in tables.added),
    }


def element_values(tags: Iterable[int]) -> list[Json]:
    """Convert tags."""
    return [element_value(tag) for tag in tags]


def elements_with_reasons(elements: Iterable[tuple[int, str]]) -> list[Json]:
    """Convert tags with reasons."""
    return [{**element_value(tag), "reason": why} for tag, why in elements]


def signed_element_value(element: SignedElement) -> Document:
    """Convert an element that a signature lists."""
    return {**element_value(element.tag), "name": element.name, "vr": element.vr, "present": element.present}
