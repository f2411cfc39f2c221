"""Causes of invalid signatures that users handle differently: altered data, revoked, expired or untrusted certificates.

Problems of a signer do not mean that the data was altered, and vice versa.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from dcmseal.findings import Aspect, Outcome
from dcmseal.model.report import SignatureReport, VerificationReport
from dcmseal.model.verdict import Verdict


class FailureCause(Enum):
    """Why a signature is not valid, the most serious cause first."""

    ALTERED = "altered"
    """The signed data has changed."""
    REVOKED = "revoked"
    """The signer's certificate, or another one of its chain, is revoked."""
    EXPIRED = "expired"
    """A certificate of the chain was outside its validity period when it was used, or has expired since."""
    UNTRUSTED = "untrusted"
    """The certificates do not lead to a trusted authority, or are not trusted for this use."""


_CODES: Final = {
    FailureCause.REVOKED: frozenset({"revoked", "revoked-since"}),
    FailureCause.EXPIRED: frozenset(
        {"expired", "expired-since", "not-yet-valid", "certificate-expired", "certificate-not-yet-valid"}
    ),
    FailureCause.UNTRUSTED: frozenset(
        {
            *("issuer-missing", "untrusted-authority", "chain-invalid", "chain-not-evaluable", "certificate-refused"),
            *("certificate-not-pinned", "subject-not-pinned", "wrong-key-usage", "wrong-extended-key-usage"),
        }
    ),
}
"""Codes of findings of aspects TRUST and AUTHENTICITY that show a cause unless they passed."""


def signature_causes(report: SignatureReport) -> tuple[FailureCause, ...]:
    """Determine why a signature is not valid; empty if it is valid, or not for one of these causes."""
    if report.verdict is Verdict.VALID:
        return ()
    aspects = {Aspect.AUTHENTICITY} if report.integrity_only else {Aspect.AUTHENTICITY, Aspect.TRUST}
    codes = {each.code for each in report.findings if each.outcome is not Outcome.PASSED and each.aspect in aspects}
    altered = (FailureCause.ALTERED,) if report.outcome(Aspect.INTEGRITY) is Outcome.FAILED else ()
    return (*altered, *(cause for cause, its_codes in _CODES.items() if codes & its_codes))


def report_causes(report: VerificationReport) -> tuple[FailureCause, ...]:
    """Determine why signatures in a report are not valid, without duplicates."""
    found = {cause for each in report.signatures for cause in signature_causes(each)}
    return tuple(cause for cause in FailureCause if cause in found)


def is_data_unchanged(report: VerificationReport) -> bool:
    """Whether all signed and cited data is unchanged, regardless of signers and timestamps."""
    about_data = (Aspect.FORM, Aspect.INTEGRITY)
    others = (*report.notes, *report.references)
    return (
        bool(report.signatures)
        and all(each.outcome(aspect) is Outcome.PASSED for each in report.signatures for aspect in about_data)
        and not any(each.outcome(Aspect.COVERAGE) is Outcome.FAILED for each in report.signatures)
        and not any(each.outcome is Outcome.FAILED for each in others)
    )
