"""Why a signature is not valid, as far as each cause calls for another step: altered data, revoked, expired, untrusted.

What speaks against a signer says nothing against the data, and the other way round.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from dcmseal.findings import Aspect, Outcome
from dcmseal.model.report import SignatureReport, VerificationReport
from dcmseal.model.verdict import Verdict


class FailureCause(Enum):
    """What keeps a signature from being valid, the weightiest first."""

    ALTERED = "altered"
    """The data is not what was signed."""
    REVOKED = "revoked"
    """The signer's certificate, or one that it depends on, is revoked."""
    EXPIRED = "expired"
    """One of these certificates was outside its validity period, or has left it since."""
    UNTRUSTED = "untrusted"
    """The certificates do not lead to an authority that is trusted for this."""


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
"""Codes of findings of aspects TRUST and AUTHENTICITY, if they did not pass."""


def signature_causes(report: SignatureReport) -> tuple[FailureCause, ...]:
    """Why a signature is not valid; empty if it is, or for another reason."""
    if report.verdict is Verdict.VALID:
        return ()
    aspects = {Aspect.AUTHENTICITY} if report.integrity_only else {Aspect.AUTHENTICITY, Aspect.TRUST}
    codes = {each.code for each in report.findings if each.outcome is not Outcome.PASSED and each.aspect in aspects}
    altered = (FailureCause.ALTERED,) if report.outcome(Aspect.INTEGRITY) is Outcome.FAILED else ()
    return (*altered, *(cause for cause, its in _CODES.items() if codes & its))


def report_causes(report: VerificationReport) -> tuple[FailureCause, ...]:
    """Why signatures of a report are not valid."""
    found = {cause for each in report.signatures for cause in signature_causes(each)}
    return tuple(cause for cause in FailureCause if cause in found)


def is_data_unchanged(report: VerificationReport) -> bool:
    """Whether all that was signed, or cited, is as it was, whatever speaks against signers and timestamps."""
    about_data = (Aspect.FORM, Aspect.INTEGRITY)
    others = (*report.notes, *report.references)
    return (
        bool(report.signatures)
        and all(each.outcome(aspect) is Outcome.PASSED for each in report.signatures for aspect in about_data)
        and not any(each.outcome(Aspect.COVERAGE) is Outcome.FAILED for each in report.signatures)
        and not any(each.outcome is Outcome.FAILED for each in others)
    )
