"""Predict what verification will report about a planned signature, without hashing anything.

A signature that verification would call invalid is refused. If the verdict would be *not established*, a warning says
why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
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

_UNSIGNED_ONLY_CODES: Final = frozenset({"nothing-to-compare", "empty-sequence"})
"""Findings that disappear once the signature exists."""
_PERMITTED_CODES: Final = frozenset({"certificate-expired", "certificate-not-yet-valid"})
"""Findings that the caller may have allowed (``allow_expired``)."""


def plan_warnings(
    file: DicomFile, level: Level, macs: LevelMacs, signature: DigitalSignature
) -> Iterator[SigningWarning]:
    """Iterate over warnings about the level and its file, before a key is opened.

    Args:
        file: The Data Set to sign.
        level: The level to sign.
        macs: MACs of the level, including that of the signature.
        signature: The planned signature.

    Raises:
        DatasetError: No verifier should accept a signature at this level.
    """
    if not (macs.level_signatures.problems or macs.facts.layouts or macs.facts.hidden_boundaries):
        # without fragments, a structure that verification rejects was refused before; the rest is in the certificate
        return
    from dcmseal.verification.pipeline import verify_planned_signature

    obstacles = (
        *macs.level_signatures.problems,
        *verify_planned_signature(file, level, macs, signature).obstacle_findings,
    )
    for finding in (each for each in obstacles if each.code not in _UNSIGNED_ONLY_CODES):
        if finding.outcome is Outcome.FAILED:
            raise DatasetError(_format_finding(finding), hint="repair the file: verifiers should reject its signatures")
        yield _to_warning(finding)


def signer_warnings(
    signature: DigitalSignature, certificate: Certificate, known_codes: Collection[str]
) -> Iterator[SigningWarning]:
    """Iterate over warnings about the signer's certificate.

    Args:
        signature: The planned signature.
        certificate: The signer's certificate.
        known_codes: Codes of warnings that were reported already.

    Raises:
        CertificateNotValid: The signature would be invalid for a reason other than the validity period.
    """
    findings = (*validity_findings(signature, certificate), *strength_findings(signature, certificate))
    for finding in select_obstacles(findings):
        if finding.outcome is Outcome.FAILED and finding.code not in _PERMITTED_CODES:
            raise CertificateNotValid(_format_finding(finding), hint="nothing was signed: use another certificate")
        if finding.code not in known_codes:
            yield _to_warning(finding)
    yield from _cached_usage_warnings(certificate.der)


def _to_warning(finding: Finding) -> SigningWarning:
    tag = parse_hex_tag(finding.where)
    message = f"verification will not report the signature as valid: {_format_finding(finding)}"
    return SigningWarning(code=finding.code, message=message, elements=() if tag is None else (tag,), is_obstacle=True)


def _format_finding(finding: Finding) -> str:
    place = f", at {finding.where}" if finding.where and finding.where not in finding.message else ""
    clause = f" ({finding.clause})" if finding.clause else ""
    return f"{finding.message}{place}{clause}"


@lru_cache(maxsize=16)
def _cached_usage_warnings(der: bytes) -> tuple[SigningWarning, ...]:
    return tuple(_iter_usage_warnings(read_certificate(der)))


def _iter_usage_warnings(certificate: Certificate) -> Iterator[SigningWarning]:
    """Warn about certificates whose extensions do not allow signing (RFC 5280 4.2.1)."""
    from cryptography import x509

    try:
        with suppress_warnings():
            extensions = certificate.parsed.extensions
    except (ValueError, TypeError, x509.UnsupportedGeneralNameType):
        message = "the extensions of the certificate cannot be parsed, so verifiers cannot check its key usage"
        yield SigningWarning(code="certificate-extensions-unreadable", message=message)
        return
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints) and value.ca and not certificate.is_self_issued:
            message = "the certificate is a CA certificate, not one issued to a signer (RFC 5280 4.2.1.9)"
            yield SigningWarning(code="certificate-of-authority", message=message)
        elif isinstance(value, x509.KeyUsage) and not (value.digital_signature or value.content_commitment):
            message = (
                "the key usage of the certificate does not allow signing: verification with trust will report the "
                "signature as invalid (wrong-key-usage, RFC 5280 4.2.1.3)"
            )
            yield SigningWarning(code="certificate-not-for-signing", message=message, is_obstacle=True)
