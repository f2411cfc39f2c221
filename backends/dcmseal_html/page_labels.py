"""Labels of verdicts, aspects and states of cover, for readers who do not know the standard."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from dcmseal.findings import Aspect, Outcome
from dcmseal.model.coverage_map import CoverState
from dcmseal.model.report import TimeBasis
from dcmseal.model.verdict import Verdict

VERDICTS: Final = {
    Verdict.VALID: "Valid",
    Verdict.INVALID: "Invalid",
    Verdict.NOT_ESTABLISHED: "Not established",
    Verdict.NO_SIGNATURE: "No signature",
}
TONES: Final = {
    Verdict.VALID: "good",
    Verdict.INVALID: "bad",
    Verdict.NOT_ESTABLISHED: "open",
    Verdict.NO_SIGNATURE: "open",
    Outcome.PASSED: "good",
    Outcome.FAILED: "bad",
    Outcome.UNKNOWN: "open",
    Outcome.NOT_CHECKED: "none",
    CoverState.COVERED: "good",
    CoverState.BROKEN: "bad",
    CoverState.PARTLY: "part",
    CoverState.UNCOVERED: "open",
    CoverState.UNSIGNABLE: "none",
}
SYMBOLS: Final = {"good": "✓", "bad": "✕", "open": "?", "part": "◐", "none": "–"}
OUTCOMES: Final = {
    Outcome.PASSED: "Passed",
    Outcome.FAILED: "Failed",
    Outcome.UNKNOWN: "Unknown",
    Outcome.NOT_CHECKED: "Not checked",
}
QUESTIONS: Final = {
    Aspect.FORM: "Does the structure of the signature follow the standard?",
    Aspect.INTEGRITY: "Is the signed data unchanged?",
    Aspect.AUTHENTICITY: "Was the signature made with the key of this certificate?",
    Aspect.TRUST: "Does this site trust the signer?",
    Aspect.TIMESTAMP: "Is the time of signing certified?",
    Aspect.CONFORMANCE: "Does the signature follow the required profiles?",
    Aspect.COVERAGE: "What does the signature protect?",
}
NO_FINDINGS: Final = {
    Aspect.TIMESTAMP: "The signature has no timestamp.",
    Aspect.CONFORMANCE: "No profile was required.",
}
"""Why an aspect has no findings."""
COVERS: Final = {
    CoverState.COVERED: "Covered",
    CoverState.BROKEN: "Broken cover",
    CoverState.PARTLY: "Partly covered",
    CoverState.UNCOVERED: "Not covered",
    CoverState.UNSIGNABLE: "Cannot be signed",
}
COVER_SYMBOLS: Final = {
    CoverState.COVERED: "●",
    CoverState.BROKEN: "✕",
    CoverState.PARTLY: "◐",
    CoverState.UNCOVERED: "○",
    CoverState.UNSIGNABLE: "–",
}
LEGEND: Final = {
    CoverState.COVERED: "The named signatures protect it: any change would be detected.",
    CoverState.BROKEN: "The named signatures list it, but are not valid. It is as good as not covered.",
    CoverState.PARTLY: "A sequence that is not signed as a whole, but has signed elements in its items. Items could be "
    "added or removed without detection.",
    CoverState.UNCOVERED: "No verified signature protects it: it could be changed without detection.",
    CoverState.UNSIGNABLE: "The standard excludes it from all signatures. The reason is next to it.",
}
BASES: Final = {
    TimeBasis.CERTIFIED: "the certified time",
    TimeBasis.CLAIMED: "the claimed signing time",
    TimeBasis.NOW: "the time of this verification",
}
_MAX_NUMBERS: Final = 8


def format_moment(value: dt.datetime | None) -> str:
    """Format a time with its offset from UTC.

    >>> format_moment(dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC))
    '2026-01-31 12:00:00 UTC'
    """
    if value is None:
        return "unknown"
    text = value.isoformat(" ", "seconds")
    return f"{text[:-6]} UTC" if text.endswith("+00:00") else f"{text[:-6]} UTC{text[-6:]}"


def format_count(number: int, noun: str) -> str:
    """Format a number and a noun, in singular or plural.

    >>> format_count(1, "element"), format_count(2000, "element")
    ('1 element', '2,000 elements')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def format_signatures(numbers: Sequence[int]) -> str:
    """Format the numbers of signatures.

    >>> format_signatures((1, 3))
    'S1, S3'
    """
    names = ", ".join(f"S{number}" for number in numbers[:_MAX_NUMBERS])
    more = len(numbers) - _MAX_NUMBERS
    return f"{names} and {more:,} more" if more > 0 else names


def format_items(ranges: Sequence[tuple[int, int]], count: int) -> str:
    """Format the indexes of items in a sequence.

    >>> format_items(((0, 2), (4, 4)), 4)
    'Items 0–2, 4'
    """
    if not ranges:
        return format_count(count, "item").capitalize()
    spans = ", ".join(str(first) if first == last else f"{first:,}–{last:,}" for first, last in ranges)
    return f"Item {spans}" if count == 1 else f"Items {spans}"
