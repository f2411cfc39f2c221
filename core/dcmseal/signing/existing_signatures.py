"""Verify the integrity of existing signatures before adding a new one.

An invalid signature shows that the data was changed. A new signature over the changed data would hide that from anyone
who looks for a valid one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from dcmseal.errors import NotIntact
from dcmseal.findings import EXISTING_INVALID, Outcome
from dcmseal.model.report import SignatureReport
from dcmseal.model.verdict import Verdict
from dcmseal.signing.warnings import SigningWarning

if TYPE_CHECKING:
    from dcmseal.dataset.part10 import DicomFile
    from dcmseal.location import Location
    from dcmseal.macro.level_macs import LevelMacs

EXISTING_NOT_ESTABLISHED: Final = "existing-signature-not-established"
_NOT_VALID: Final = (Verdict.INVALID, Verdict.NOT_ESTABLISHED)


def existing_signature_warnings(
    file: DicomFile, computed_macs: Mapping[Location, LevelMacs]
) -> tuple[SigningWarning, ...]:
    """Warn about each existing signature whose integrity is invalid or not established.

    Args:
        file: The Data Set before it is signed.
        computed_macs: MACs of the levels that were hashed already.

    Returns:
        One warning per signature, invalid ones first.

    Raises:
        Malformed: The Data Set cannot be parsed.
    """
    from dcmseal.verification.pipeline import verify_file
    from dcmseal.verification.timestamp_checks import TimestampContext
    from dcmseal.verification.verification_context import VerificationContext
    from dcmseal.verification.verification_options import TimestampMode

    context = VerificationContext(integrity_only=True, timestamp=TimestampContext(mode=TimestampMode.IGNORE))
    reports = verify_file(file, context, computed_macs).signatures
    warnings = [
        _existing_signature_warning(report, verdict) for report in reports if (verdict := report.verdict) in _NOT_VALID
    ]
    return tuple(sorted(warnings, key=lambda warning: warning.code))


def check_intact(warnings: Iterable[SigningWarning]) -> None:
    """Refuse to sign if an existing signature is not known to be valid.

    Args:
        warnings: The warnings of ``existing_signature_warnings``.

    Raises:
        NotIntact: One of them is about a signature that is invalid or not established.
    """
    for warning in warnings:
        if warning.code in (EXISTING_INVALID, EXISTING_NOT_ESTABLISHED):
            raise NotIntact(
                warning.message, hint="nothing was signed: verify the file to see the details", code="not-intact"
            )


def sort_warnings(warnings: Iterable[SigningWarning]) -> tuple[SigningWarning, ...]:
    """Sort warnings so that those about invalid signatures come first."""
    return tuple(sorted(warnings, key=lambda warning: warning.code != EXISTING_INVALID))


def _existing_signature_warning(report: SignatureReport, verdict: Verdict) -> SigningWarning:
    signature = report.signature
    name = f"signature {signature.uid}" if signature.uid else f"signature {signature.index + 1}"
    subject = f"the existing {name} at {signature.location}"
    if verdict is Verdict.INVALID:
        message = f"{subject} is invalid{_format_reason(report, Outcome.FAILED)}"
        return SigningWarning(code="existing-signature-invalid", message=message, is_obstacle=True)
    message = f"{subject} is not established{_format_reason(report, Outcome.UNKNOWN)}"
    return SigningWarning(code="existing-signature-not-established", message=message)


def _format_reason(report: SignatureReport, outcome: Outcome) -> str:
    return next((f": {each.message} ({each.code})" for each in report.findings if each.outcome is outcome), "")
