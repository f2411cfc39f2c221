"""The values that the template of an archive report shows: sentences, shares, bars and columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from msgspec import Struct

from dcmseal.model.verdict import Verdict
from dcmseal.plugins.archive_report import ArchiveReport, AttentionFile, MonthTotals, SignatureCounts

VERDICTS: Final = {
    "valid": ("good", "Valid"),
    "not-established": ("open", "Not established"),
    "no-signature": ("none", "No signature"),
    "invalid": ("bad", "Invalid"),
    "failed": ("part", "Unreadable"),
}
"""Tone and label of each verdict on a file. The five tones differ, so that one bar can show them all."""
_RANKS: Final = {"invalid": 0, "failed": 1, "not-established": 2, "no-signature": 3}
_MAX_UNFOLDED: Final = 25
"""Files that need attention and are visible without unfolding."""
_MAX_MONTHS: Final = 120
"""Months that fit into the chart."""
_WIDTH: Final = 720
_HEIGHT: Final = 120
_MAX_COLUMN_WIDTH: Final = 36


class Share(Struct, frozen=True, kw_only=True):
    """A part of a whole."""

    tone: str
    word: str
    number: int
    percent: float


class SignatureRow(Struct, frozen=True, kw_only=True):
    """The signatures of one signer or profile, with a bar whose length is proportional to their number."""

    name: str
    detail: str
    numbers: SignatureCounts
    bar: tuple[Share, ...]
    """Percentages refer to the longest bar."""


class MonthColumn(Struct, frozen=True, kw_only=True):
    """A month in the chart: certified times at the bottom, claimed times stacked on top."""

    x: float
    width: float
    certified: float
    claimed: float
    label: str
    """Label on the axis; empty if there is no room for it."""


class SeriesFiles(Struct, frozen=True, kw_only=True):
    """Files of one series that need attention."""

    study: str
    series: str
    files: tuple[AttentionFile, ...]


class ArchiveView(Struct, frozen=True, kw_only=True):
    """The values that the template of an archive report shows."""

    report: ArchiveReport
    tone: str
    word: str
    meaning: tuple[str, ...]
    actions: tuple[str, ...]
    files: tuple[Share, ...]
    studies: int
    """Number of known studies among the listed files that need attention."""
    shown: tuple[SeriesFiles, ...]
    """Files that need attention and are visible at once."""
    folded: tuple[SeriesFiles, ...]
    """Further files that need attention."""
    folded_files: int
    signers: tuple[SignatureRow, ...]
    profiles: tuple[SignatureRow, ...]
    columns: tuple[MonthColumn, ...]
    highest: int
    """Number of signatures in the month that has the most."""


def build_archive_view(report: ArchiveReport, *, has_trust: bool = True) -> ArchiveView:
    """Build the values that the template of an archive report shows.

    Args:
        report: The result of the run.
        has_trust: False if trust was required but no trust anchor was configured.
    """
    files = report.files
    numbers = (files.valid, files.not_established, files.no_signature, files.invalid, files.failed)
    tone, word = _format_verdict(report)
    shown = report.months[-_MAX_MONTHS:]
    attention = _sort_by_series(report.attention)
    return ArchiveView(
        report=report,
        tone=tone,
        word=word,
        meaning=tuple(_iter_meaning(report)),
        actions=tuple(_iter_actions(report, has_trust=has_trust)),
        files=tuple(
            Share(tone=tone, word=word, number=number, percent=100 * number / max(1, files.total))
            for (tone, word), number in zip(VERDICTS.values(), numbers, strict=True)
        ),
        studies=len({each.study for each in report.attention if each.study}),
        shown=_group_by_series(attention[:_MAX_UNFOLDED]),
        folded=_group_by_series(attention[_MAX_UNFOLDED:]),
        folded_files=len(attention[_MAX_UNFOLDED:]),
        signers=_build_rows(
            [(each.subject or "Unnamed signer", each.sha256, each.signatures) for each in report.signers],
            ("All other signers", "", report.more_signers),
        ),
        profiles=_build_rows(
            [(each.name, "", each.signatures) for each in report.profiles],
            ("No known profile", "", report.no_profile),
        ),
        columns=tuple(_iter_columns(shown)),
        highest=max((each.certified + each.claimed for each in shown), default=0),
    )


def _format_verdict(report: ArchiveReport) -> tuple[str, str]:
    files, total = report.files, f"{report.files.total:,}"
    for number, tone, state in (
        (files.invalid, "bad", "invalid"),
        (files.failed, "bad", "unreadable"),
        (files.not_established, "open", "not established"),
        (files.no_signature, "open", "without signature"),
    ):
        if number:
            return tone, f"{number:,} of {total} {'file' if total == '1' else 'files'} {_is_or_are(number)} {state}"
    if files.partial:
        return (
            "open",
            (
                f"All {total} files are valid, but {files.partial:,} of them "
                f"{_is_or_are(files.partial)} only partly signed"
            ),
        )
    return ("good", f"All {total} files are valid") if files.total else ("open", "No file was verified")


def _iter_meaning(report: ArchiveReport) -> Iterator[str]:
    files = report.files
    if report.stopped:
        yield f"The run stopped early, so this report does not cover the whole archive: {report.stopped}."
    if files.invalid:
        yield (
            f"Invalid: {files.invalid:,}. The data has changed since it was "
            "signed, or the signature must not be trusted."
        )
    if files.failed:
        yield f"Unreadable: {files.failed:,}. Their signatures could not be checked."
    if files.not_established:
        yield f"Not established: {files.not_established:,}. Some information that a verdict requires is missing."
    if files.no_signature:
        yield f"No signature: {files.no_signature:,}. They could have been changed without detection."
    if files.valid:
        yield f"Valid: {files.valid:,}. The signed data is unchanged."
    if files.partial:
        yield (
            f"Of these, {files.partial:,} are only partly signed: the unsigned "
            "elements could be changed without detection."
        )


def _iter_actions(report: ArchiveReport, *, has_trust: bool) -> Iterator[str]:
    files = report.files
    if files.not_established and not has_trust:
        yield (
            "No trust anchor is configured, so no signer is trusted. "
            "Configure the certificate authorities that your site trusts, and verify again."
        )
    if files.invalid:
        yield "Do not rely on the invalid files. Keep them as evidence."
        yield (
            "If the data of a file has changed, fetch the file from its source "
            "again. For other problems, this does not help."
        )
    if files.failed:
        yield "Fetch the unreadable files again from their source or from a backup."
    if files.not_established:
        yield "Treat files that are not established as unsigned until the missing information is available."
    if files.no_signature:
        yield "If your policy requires signatures, ask the source for signed instances."
    if report.more_attention:
        yield "The list below is incomplete. JSON Lines output or a journal of the run lists every file."
    if not (report.attention or report.stopped):
        yield "No action is needed."
    yield "For details of a single file, create a report on that file alone."


def _sort_by_series(attention: Iterable[AttentionFile]) -> list[AttentionFile]:
    """Sort by study and series; those that contain the worst verdict come first."""
    worst: dict[tuple[str, ...], int] = {}
    for each in attention:
        rank = _RANKS[each.verdict]
        for key in ((each.study,), (each.study, each.series)):
            worst[key] = min(worst.get(key, rank), rank)

    def sort_key(each: AttentionFile) -> tuple[object, ...]:
        study, series = (each.study,), (each.study, each.series)
        return worst[study], study, worst[series], series, _RANKS[each.verdict], each.name

    return sorted(attention, key=sort_key)


def _group_by_series(attention: Iterable[AttentionFile]) -> tuple[SeriesFiles, ...]:
    """Group sorted files by series."""
    groups = groupby(attention, key=lambda each: (each.study, each.series))
    return tuple(SeriesFiles(study=study, series=series, files=tuple(files)) for (study, series), files in groups)


def _is_or_are(number: int) -> str:
    return "is" if number == 1 else "are"


def verdict_style(each: AttentionFile) -> tuple[str, str]:
    """Return the tone and label of the verdict on a file."""
    return VERDICTS[each.verdict]


def attention_reason(each: AttentionFile) -> str:
    """Return the reason why a file needs attention."""
    if each.reason:
        return each.reason
    if each.verdict == Verdict.NO_SIGNATURE.value:
        return "There is no signature."
    return ""


def _build_rows(
    named: Iterable[tuple[str, str, SignatureCounts]], rest: tuple[str, str, SignatureCounts]
) -> tuple[SignatureRow, ...]:
    rows = [each for each in (*named, rest) if each[2].total]
    longest = max((numbers.total for _, _, numbers in rows), default=1)
    return tuple(
        SignatureRow(name=name, detail=detail, numbers=numbers, bar=tuple(_iter_bar(numbers, longest)))
        for name, detail, numbers in rows
    )


def _iter_bar(numbers: SignatureCounts, longest: int) -> Iterator[Share]:
    for verdict, number in (
        ("valid", numbers.valid),
        ("not-established", numbers.not_established),
        ("invalid", numbers.invalid),
    ):
        tone, word = VERDICTS[verdict]
        if number:
            yield Share(tone=tone, word=word, number=number, percent=100 * number / longest)


def _iter_columns(months: Sequence[MonthTotals]) -> Iterator[MonthColumn]:
    """Yield a column for each month that has signatures; label as many as fit."""
    if not months:
        return
    highest = max(each.certified + each.claimed for each in months)
    step = min(_WIDTH / len(months), 2 * _MAX_COLUMN_WIDTH)
    label_interval = math.ceil(len(months) / 10)
    for number, each in enumerate(months):
        yield MonthColumn(
            x=number * step + step * 0.15,
            width=min(step * 0.7, _MAX_COLUMN_WIDTH),
            certified=_HEIGHT * each.certified / highest,
            claimed=_HEIGHT * each.claimed / highest,
            label=each.month if number % label_interval == 0 else "",
        )
