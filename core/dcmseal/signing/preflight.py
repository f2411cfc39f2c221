"""What verification will say of a signature that is yet to be made: the verifier is asked, and nothing is hashed.

Whoever signs is told what will keep the verdict from *valid*: refused if it is known to be wrong, warned if it will not
be established.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dcmseal.errors import CertificateNotValid, DatasetError
from dcmseal.findings import Finding, Outcome
from dcmseal.macro.signer_certificate import Certificate, read_certificate
from dcmseal.model.verdict import select_obstacles
from dcmseal.signing.warnings import SigningWarning
from dcmseal.tags import parse_hex_tag
from dcmseal.verification.certificate_validity import strength_findings, validity_findings
from dcmseal.warning_filter import suppress_warnings

if TYPE_CHECKING:
    from dcmseal.dataset.part10 import DicomFile
    from dcmseal.macro.level_macs import LevelMacs
    from dcmseal.macro.levels import Level
    from dcmseal.model.signature import DigitalSignature
    from dcmseal.signing.plan import Plan

_UNSIGNED_ONLY_CODES: Final = frozenset({"nothing-to-compare", "empty-sequence"})
"""What is missing only as long as nothing is signed."""
_PERMITTED_CODES: Final = frozenset({"certificate-expired", "certificate-not-yet-valid"})
"""What a signer may have given leave for."""


def plan_warnings(
    file: DicomFile, level: Level, macs: LevelMacs, signature: DigitalSignature
) -> Iterator[SigningWarning]:
    """Warnings about the level and its file, before there is a key; ``macs`` holds the MAC of the signature.

    Raises DatasetError if no verifier should accept a signature there.
    """
    if not (macs.level_signatures.problems or macs.facts.layouts or macs.facts.hidden_boundaries):
        # without fragments, all that could be wrong was refused with the structure, or is about the certificate
        return
    from dcmseal.verification.pipeline import verify_planned

    obstacles = (*macs.level_signatures.problems, *verify_planned(file, level, macs, signature).obstacle_findings)
    for finding in (each for each in obstacles if each.code not in _UNSIGNED_ONLY_CODES):
        if finding.outcome is Outcome.FAILED:
            hint = "no verifier should accept a signature over this: repair the file"
            raise DatasetError(_format_finding(finding), hint=hint)
        yield _to_warning(finding)


def signer_warnings(plan: Plan, certificate: Certificate) -> Iterator[SigningWarning]:
    """Warnings about a signature by the key of a certificate, besides those of the plan.

    Raises CertificateNotValid if it would be invalid, unless only for its time.
    """
    told = {each.code for each in plan.warnings}
    findings = (*validity_findings(plan.signature, certificate), *strength_findings(plan.signature, certificate))
    for finding in select_obstacles(findings):
        if finding.outcome is Outcome.FAILED and finding.code not in _PERMITTED_CODES:
            raise CertificateNotValid(_format_finding(finding), hint="nothing was signed: use another certificate")
        if finding.code not in told:
            yield _to_warning(finding)
    yield from _cached_usage_warnings(certificate.der)


def _to_warning(finding: Finding) -> SigningWarning:
    tag = parse_hex_tag(finding.where)
    message = f"verification will not call the signature valid: {_format_finding(finding)}"
    return SigningWarning(code=finding.code, message=message, elements=() if tag is None else (tag,), is_obstacle=True)


def _format_finding(finding: Finding) -> str:
    place = f", at {finding.where}" if finding.where and finding.where not in finding.message else ""
    clause = f" ({finding.clause})" if finding.clause else ""
    return f"{finding.message}{place}{clause}"


@lru_cache(maxsize=16)
def _cached_usage_warnings(der: bytes) -> tuple[SigningWarning, ...]:
    return tuple(_iter_usage_warnings(read_certificate(der)))


def _iter_usage_warnings(certificate: Certificate) -> Iterator[SigningWarning]:
    """What a site's trust settings will make of the certificate by what it is for (RFC 5280 4.2.1)."""
    from cryptography import x509

    try:
        with suppress_warnings():
            extensions = certificate.parsed.extensions
    except (ValueError, TypeError, x509.UnsupportedGeneralNameType):
        message = "the extensions of the certificate cannot be read: no verifier can tell what it is for"
        yield SigningWarning(code="certificate-extensions-unreadable", message=message)
        return
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints) and value.ca and not certificate.is_self_issued:
            message = "the certificate is an authority's, and not one that was issued to a signer (RFC 5280 4.2.1.9)"
            yield SigningWarning(code="certificate-of-authority", message=message)
        elif isinstance(value, x509.KeyUsage) and not (value.digital_signature or value.content_commitment):
            message = (
                "by its key usage the certificate is not for signing: verification with trust calls the signature "
                "invalid, wrong-key-usage (RFC 5280 4.2.1.3)"
            )
            yield SigningWarning(code="certificate-not-for-signing", message=message, is_obstacle=True)
