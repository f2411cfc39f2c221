"""The signatures that a Data Set has before it is signed: the verifier is asked whether they hold, without trust.

Whoever signs vouches for what is there. A signature that does not hold says that the data was changed, and a new one
over it would hide that from all who look for one that is valid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from dcmseal.engine.advice import Advice
from dcmseal.errors import NotIntact
from dcmseal.report import Outcome, SignatureReport, Verdict

if TYPE_CHECKING:
    from dcmseal.dataset.part10 import DicomFile
    from dcmseal.engine.macs import LevelMacs
    from dcmseal.location import Location

BROKEN: Final = "existing-signature-invalid"
OPEN: Final = "existing-signature-not-established"
_DOUBTFUL: Final = (Verdict.INVALID, Verdict.NOT_ESTABLISHED)


def existing_advice(file: DicomFile, computed_macs: Mapping[Location, LevelMacs]) -> tuple[Advice, ...]:
    """A warning for each signature that is invalid, or not established, but for trust; the invalid ones first.

    ``computed_macs`` holds the MACs of levels that were hashed already. Raises Malformed.
    """
    from dcmseal.engine.timestamps import TimestampQuestion, TimestampRule
    from dcmseal.engine.verification import Question, verify_file

    question = Question(integrity_only=True, timestamp=TimestampQuestion(mode=TimestampRule.IGNORE))
    reports = verify_file(file, question, computed_macs).signatures
    advice = [_advice(each, found) for each in reports if (found := each.verdict(integrity_only=True)) in _DOUBTFUL]
    return tuple(sorted(advice, key=lambda each: each.code))


def refuse_broken(warnings: Iterable[Advice]) -> None:
    """Refuse to sign where a signature is not known to hold; raises NotIntact."""
    for each in warnings:
        if each.code in (BROKEN, OPEN):
            raise NotIntact(each.message, hint="nothing was signed: dcmseal verify tells more")


def in_order(warnings: Iterable[Advice]) -> tuple[Advice, ...]:
    """The same warnings, with those about signatures that do not hold first."""
    return tuple(sorted(warnings, key=lambda each: each.code != BROKEN))


def _advice(report: SignatureReport, verdict: Verdict) -> Advice:
    signature = report.signature
    name = f"signature {signature.uid}" if signature.uid else f"signature {signature.index + 1}"
    there = f"{name} at {signature.location}, which is there already,"
    if verdict is Verdict.INVALID:
        message = f"{there} does not hold{_reason(report, Outcome.FAILED)}"
        return Advice(code="existing-signature-invalid", message=message, is_obstacle=True)
    message = f"{there} may not hold{_reason(report, Outcome.UNKNOWN)}"
    return Advice(code="existing-signature-not-established", message=message)


def _reason(report: SignatureReport, outcome: Outcome) -> str:
    return next((f": {each.message} ({each.code})" for each in report.findings if each.outcome is outcome), "")
