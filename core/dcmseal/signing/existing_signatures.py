"""The signatures that a Data Set has before it is signed: the verifier is asked whether they hold, without trust.

Whoever signs vouches for what is there. A signature that does not hold says that the data was changed, and a new one
over it would hide that from all who look for one that is valid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from dcmseal.errors import NotIntact
from dcmseal.findings import Outcome
from dcmseal.model.report import SignatureReport, Verdict
from dcmseal.signing.warnings import SigningWarning

if TYPE_CHECKING:
    from dcmseal.dataset.part10 import DicomFile
    from dcmseal.location import Location
    from dcmseal.macro.level_macs import LevelMacs

EXISTING_INVALID: Final = "existing-signature-invalid"
EXISTING_NOT_ESTABLISHED: Final = "existing-signature-not-established"
_NOT_VALID: Final = (Verdict.INVALID, Verdict.NOT_ESTABLISHED)


def existing_signature_warnings(
    file: DicomFile, computed_macs: Mapping[Location, LevelMacs]
) -> tuple[SigningWarning, ...]:
    """A warning for each signature that is invalid, or not established, but for trust; the invalid ones first.

    ``computed_macs`` holds the MACs of levels that were hashed already. Raises Malformed.
    """
    from dcmseal.verification.options import TimestampMode
    from dcmseal.verification.pipeline import VerificationContext, verify_file
    from dcmseal.verification.timestamp_checks import TimestampContext

    question = VerificationContext(integrity_only=True, timestamp=TimestampContext(mode=TimestampMode.IGNORE))
    reports = verify_file(file, question, computed_macs).signatures
    advice = [
        _existing_signature_warning(each, found)
        for each in reports
        if (found := each.verdict(integrity_only=True)) in _NOT_VALID
    ]
    return tuple(sorted(advice, key=lambda each: each.code))


def check_intact(warnings: Iterable[SigningWarning]) -> None:
    """Refuse to sign where a signature is not known to hold; raises NotIntact."""
    for each in warnings:
        if each.code in (EXISTING_INVALID, EXISTING_NOT_ESTABLISHED):
            raise NotIntact(each.message, hint="nothing was signed; verify() says why", code="not-intact")


def sort_warnings(warnings: Iterable[SigningWarning]) -> tuple[SigningWarning, ...]:
    """The same warnings, with those about signatures that do not hold first."""
    return tuple(sorted(warnings, key=lambda each: each.code != EXISTING_INVALID))


def _existing_signature_warning(report: SignatureReport, verdict: Verdict) -> SigningWarning:
    signature = report.signature
    name = f"signature {signature.uid}" if signature.uid else f"signature {signature.index + 1}"
    there = f"{name} at {signature.location}, which is there already,"
    if verdict is Verdict.INVALID:
        message = f"{there} does not hold{_format_reason(report, Outcome.FAILED)}"
        return SigningWarning(code="existing-signature-invalid", message=message, is_obstacle=True)
    message = f"{there} may not hold{_format_reason(report, Outcome.UNKNOWN)}"
    return SigningWarning(code="existing-signature-not-established", message=message)


def _format_reason(report: SignatureReport, outcome: Outcome) -> str:
    return next((f": {each.message} ({each.code})" for each in report.findings if each.outcome is outcome), "")
