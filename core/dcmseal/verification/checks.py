"""The checks of a signature, in the order they run.

To add a check, write a function that takes the level and the signature and returns findings, and add it to
``SIGNATURE_CHECKS``. A check may use what an earlier one stored in the ``SignatureContext``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec.structs import replace

from dcmseal.errors import CertificateNotValid, CertificateUnreadable
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.macro.signer_certificate import read_certificate
from dcmseal.verification.certificate_validity import claimed_time_findings, strength_findings, validity_findings
from dcmseal.verification.conformance import macro_findings
from dcmseal.verification.integrity import integrity_findings
from dcmseal.verification.level_coverage import coverage_findings
from dcmseal.verification.mac_binding import binding_findings
from dcmseal.verification.timestamp_checks import TIMESTAMP_IGNORED, profile_timestamp_type
from dcmseal.verification.verification_context import LevelContext, SignatureContext

if TYPE_CHECKING:
    from dcmseal.plugins.profile import SignatureFacts

SignatureCheck: TypeAlias = "Callable[[LevelContext, SignatureContext], Iterable[Finding]]"

_MAC_CLAUSE: Final = "PS3.3 C.12.1.1.3.1.2"


def run_checks(level: LevelContext, subject: SignatureContext) -> None:
    """Run all checks of a signature.

    Args:
        level: The level of the signature.
        subject: The signature, to which findings and results are added.
    """
    findings = subject.findings
    for check in SIGNATURE_CHECKS:
        findings.extend(check(level, subject))


def check_macro(_: LevelContext, subject: SignatureContext) -> Iterable[Finding]:
    """Check that the signature's item and its MAC parameters have the structure that the macro requires."""
    return macro_findings(subject.item, subject.listed)


def check_structure(level: LevelContext, subject: SignatureContext) -> Iterable[Finding]:
    """Check that all readers interpret the Data Set in the same way."""
    listed = subject.listed
    is_at_main = not subject.item.signature.location.steps
    return level.structure.findings(listed.signed.__contains__ if listed is not None and is_at_main else None)


def check_level(level: LevelContext, _: SignatureContext) -> Iterable[Finding]:
    """Return the findings about the level, which apply to all of its signatures."""
    return level.findings


def check_certificate(_: LevelContext, subject: SignatureContext) -> Iterable[Finding]:
    """Check that the signer's certificate can be parsed, and store it."""
    value = subject.item.signature.certificate
    if not value:
        return ()
    try:
        subject.certificate = read_certificate(value)
    except CertificateNotValid as error:
        # a certificate that cannot be parsed here may still be valid
        outcome = Outcome.UNKNOWN if isinstance(error, CertificateUnreadable) else Outcome.FAILED
        return (_finding(Aspect.FORM, outcome, "certificate-unreadable", str(error)),)
    return ()


def check_integrity(level: LevelContext, subject: SignatureContext) -> Iterable[Finding]:
    """Check that the signed data is unchanged, and that the certificate's key made the signature."""
    return integrity_findings(
        level.macs,
        level.variants,
        subject.item,
        subject.certificate,
        accept_old_format=level.request.accept_old_format,
    )


def check_claimed_time(level: LevelContext, subject: SignatureContext) -> Iterable[Finding]:
    """Check that the claimed signing time is not in the future."""
    return claimed_time_findings(subject.item.signature, level.now)


def check_validity(_: LevelContext, subject: SignatureContext) -> Iterable[Finding]:
    """Check that the certificate was valid at the claimed signing time."""
    return () if subject.certificate is None else validity_findings(subject.item.signature, subject.certificate)


def check_timestamp(level: LevelContext, subject: SignatureContext) -> Iterable[Finding]:
    """Check that the certified timestamp is of this signature and by a trusted authority, and store the result."""
    if level.timestamps.ignores(subject.item.signature):
        return (TIMESTAMP_IGNORED,)
    result = subject.timestamp = level.timestamps.verify(subject.item.signature, subject.certificate, level.now)
    return (*result.findings, *result.authority_findings)


def check_strength(level: LevelContext, subject: SignatureContext) -> Iterable[Finding]:
    """Check that the MAC algorithm and the key are strong enough."""
    if subject.certificate is None:
        return ()
    trust = level.request.trust
    outcome = trust.settings.weak.outcome if trust else Outcome.UNKNOWN
    return strength_findings(subject.item.signature, subject.certificate, outcome)


def check_trust(level: LevelContext, subject: SignatureContext) -> Iterable[Finding]:
    """Check that the certificate leads to a trust anchor, and store the time and the certificate chain."""
    trust = level.request.trust
    if trust is None:
        return (_TRUST_NOT_REQUESTED if level.request.integrity_only else _TRUST_NOT_CONFIGURED,)
    if subject.certificate is None:
        return ()
    certified = subject.timestamp.trusted_moment
    findings, subject.trust = trust.evaluate_signer(subject.item.signature, subject.certificate.der, certified)
    return findings


def check_coverage(_: LevelContext, subject: SignatureContext) -> Iterable[Finding]:
    """Report which elements of the level are signed."""
    if subject.listed is not None:
        return coverage_findings(subject.listed.coverage)
    message = "the level has more different lists of signed elements than dcmseal examines"
    return (_finding(Aspect.COVERAGE, Outcome.FAILED, "too-many-lists", message),)


def check_binding(level: LevelContext, subject: SignatureContext) -> Iterable[Finding]:
    """Check whether the pixel data is ambiguous even if the MAC matches."""
    if subject.listed is None:
        return ()
    return binding_findings(level.file, level.fragments, subject.item.signature.mac, subject.listed.signed)


def check_profiles(level: LevelContext, subject: SignatureContext) -> Iterable[Finding]:
    """Check the signature against profiles, and store the result; only required profiles cause findings."""
    if level.profile_checks is None:
        return ()
    subject.profiles = level.profile_checks.check(_build_facts(subject))
    return subject.profiles.findings


SIGNATURE_CHECKS: Final[tuple[SignatureCheck, ...]] = (
    check_macro,
    check_structure,
    check_level,
    check_certificate,
    check_integrity,
    check_claimed_time,
    check_validity,
    check_timestamp,
    check_strength,
    check_trust,
    check_coverage,
    check_binding,
    check_profiles,
)
"""All checks of a signature, in the order in which they run."""


def _build_facts(subject: SignatureContext) -> SignatureFacts:
    from dcmseal.macro.profile_view import build_signature_facts

    signature, listed = subject.item.signature, subject.listed
    timestamp_type = profile_timestamp_type(signature, subject.timestamp)
    if timestamp_type != signature.timestamp_type:
        signature = replace(signature, timestamp_type=timestamp_type)
    return build_signature_facts(signature, subject.certificate, listed.signed if listed else frozenset())


def _trust_not_checked_finding(message: str) -> Finding:
    return Finding(
        aspect=Aspect.TRUST,
        outcome=Outcome.NOT_CHECKED,
        code="trust-not-checked",
        message=message,
        clause="PS3.15 C.1",
    )


_TRUST_NOT_REQUESTED: Final = _trust_not_checked_finding("trust in the signer was not checked: integrity only")
_TRUST_NOT_CONFIGURED: Final = _trust_not_checked_finding(
    "trust in the signer was not checked: no trust anchor is configured"
)


def _finding(aspect: Aspect, outcome: Outcome, code: str, message: str) -> Finding:
    return Finding(aspect=aspect, outcome=outcome, code=code, message=message, clause=_MAC_CLAUSE)
