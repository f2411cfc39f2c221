"""A comparison as text: differences in signed elements first, then in unsigned ones, then in encoding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from dcmseal.cli.render.screens import Screen
from dcmseal.cli.render.text_layout import escape_unprintable, format_count
from dcmseal.cli.render.tone import Tone
from dcmseal.comparison.changes import ChangeKind
from dcmseal.comparison.differences import FilePart
from dcmseal.comparison.frames import format_runs
from dcmseal.findings import Outcome

if TYPE_CHECKING:
    from dcmseal.comparison.differences import Comparison, Difference, FrameRuns

_MAX_SHOWN: Final = 20
_INTEGRITY_TEXTS: Final = {
    Outcome.PASSED: "is intact",
    Outcome.FAILED: "is broken",
    Outcome.UNKNOWN: "cannot be checked",
}
_OUTCOME_TONES: Final = {Outcome.PASSED: Tone.GOOD, Outcome.FAILED: Tone.BAD, Outcome.UNKNOWN: Tone.OPEN}
_KIND_TEXTS: Final = {
    ChangeKind.VR: "VR changed",
    ChangeKind.PADDING: "padding changed",
    ChangeKind.LENGTHS: "defined length in one, undefined length in the other",
    ChangeKind.VR_NOT_STATED: "VR not stated in implicit VR",
}


def show_comparison(a: str, b: str, comparison: Comparison, to: Screen, *, everything: bool) -> None:
    """Write the differences: all of them, or the first ones of each kind."""
    to.line(f"{a} and {b}: {_format_headline(comparison)}", _headline_tone(comparison))
    for note in comparison.notes:
        to.line(f"  {note}", Tone.OPEN)
    for name, signatures in (("A", comparison.signatures_in_a), ("B", comparison.signatures_in_b)):
        for each in signatures:
            to.line(
                f"  signature {each.uid} at {each.location} {_INTEGRITY_TEXTS[each.integrity]} in {name}",
                _OUTCOME_TONES[each.integrity],
            )
    breaking = [each for each in comparison.differences if each.breaks_signature]
    others = [each for each in comparison.differences if not each.breaks_signature]
    proper = [each for each in others if not each.representation]
    sorts = (
        (
            "in signed elements",
            breaking,
            Tone.BAD,
        ),
        (
            "in unsigned elements",
            [each for each in proper if each.part is FilePart.DATA_SET],
            Tone.OPEN,
        ),
        (
            "in encoding only",
            [each for each in others if each.representation],
            Tone.PLAIN,
        ),
        (
            "outside the Data Set, which is never signed",
            [each for each in proper if each.part is not FilePart.DATA_SET],
            Tone.PLAIN,
        ),
    )
    for title, differences, tone in sorts:
        _show_group(title, differences, to, tone, everything=everything)


def _format_headline(comparison: Comparison) -> str:
    if comparison.breaks_signature:
        return "signed data differs"
    if not comparison.differences:
        return "identical"
    if comparison.is_equivalent:
        return "equivalent"
    return "only unsigned data differs" if comparison.is_signed else "different; neither file is signed"


def _headline_tone(comparison: Comparison) -> Tone:
    if comparison.breaks_signature:
        return Tone.BAD
    return Tone.GOOD if comparison.is_equivalent else Tone.OPEN


def _show_group(title: str, differences: Sequence[Difference], to: Screen, tone: Tone, *, everything: bool) -> None:
    if not differences:
        return
    to.line()
    to.line(f"{format_count(len(differences), 'difference')} {title}", Tone.HEADING)
    shown = differences if everything else differences[:_MAX_SHOWN]
    for each in shown:
        to.line(f"  {escape_unprintable(each.path, 1000)}: {escape_unprintable(_format_difference(each), 1000)}", tone)
    if len(shown) < len(differences):
        to.line(f"  and {len(differences) - len(shown)} more (--all shows them)", tone)


def _format_difference(difference: Difference) -> str:
    return "; ".join(_iter_facts(difference))


def _iter_facts(difference: Difference) -> Iterator[str]:
    kind = difference.kind
    values = _format_values(difference)
    yield f"{_KIND_TEXTS.get(kind, kind.value)}{values}"
    if kind in (ChangeKind.VR, ChangeKind.VR_NOT_STATED):
        yield f"{difference.vr_in_a} in A, {difference.vr_in_b} in B"
    if difference.path_in_b:
        yield f"in B {difference.path_in_b}"
    if difference.recoded:
        yield "the pixel data is compressed differently; pixels not compared"
    elif difference.frames is not None:
        yield from _iter_frame_facts(difference.frames)
    signed = dict.fromkeys((*difference.signed_in_a, *difference.signed_in_b))
    if signed:
        yield f"signed by {', '.join(signed)}"


def _format_values(difference: Difference) -> str:
    values = [value for value in (difference.value_in_a, difference.value_in_b) if value is not None]
    return f" ({' -> '.join(value or 'empty' for value in values)})" if any(values) else ""


def _iter_frame_facts(frames: FrameRuns) -> Iterator[str]:
    noun = "fragments" if frames.fragments else "frames"
    for what in ("changed", "removed", "added", "moved"):
        runs = getattr(frames, what)
        if runs:
            yield f"{noun} {what}: {format_runs(runs)}"
    if frames.frames:
        yield f"of frames {format_runs(frames.frames)}"
