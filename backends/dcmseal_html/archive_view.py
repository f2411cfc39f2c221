"""What the page about an archive shows: shares, bars and columns, worked out here so that templates only place them."""

from __future__ import annotations

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
"""Tone and word of each verdict on a file: five that can be told apart in one bar."""
_RANKS: Final = {"invalid": 0, "failed": 1, "not-established": 2, "no-signature": 3}
_MAX_UNFOLDED: Final = 25
"""Files that need attention and are seen at once."""
_MAX_MONTHS: Final = 120
"""Months that fit into one picture."""
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
    """The signatures of one signer or profile: numbers, and a bar that is the longer the more there are."""

    name: str
    detail: str
    numbers: SignatureCounts
    bar: tuple[Share, ...]
    """In percent of the longest bar."""


class MonthColumn(Struct, frozen=True, kw_only=True):
    """A month in the picture: certified below, claimed above."""

    x: float
    width: float
    certified: float
    claimed: float
    label: str
    """Of the axis; empty where there is no room for one."""


class SeriesFiles(Struct, frozen=True, kw_only=True):
    """Files of one series that need attention."""

    study: str
    series: str
    files: tuple[AttentionFile, ...]


class ArchiveView(Struct, frozen=True, kw_only=True):
    """An archive as the page shows it."""

    report: ArchiveReport
    tone: str
    word: str
    meaning: tuple[str, ...]
    actions: tuple[str, ...]
    files: tuple[Share, ...]
    studies: int
    """Studies that the named files which need attention belong to, as far as that is known."""
    shown: tuple[SeriesFiles, ...]
    folded: tuple[SeriesFiles, ...]
    """Files that need attention; those that are seen at once first."""
    folded_files: int
    signers: tuple[SignatureRow, ...]
    profiles: tuple[SignatureRow, ...]
    columns: tuple[MonthColumn, ...]
    highest: int
    """Signatures of the month that has most."""


def build_archive_view(report: ArchiveReport, *, has_trust: bool = True) -> ArchiveView:
    """An archive as the page shows it; ``has_trust`` says that somebody was trusted, or nobody was asked about."""
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
            [(each.subject or "Without a readable name", each.sha256, each.signatures) for each in report.signers],
            ("All other signers", "", report.more_signers),
        ),
        profiles=_build_rows(
            [(each.name, "", each.signatures) for each in report.profiles],
            ("none that is known", "", report.no_profile),
        ),
        columns=tuple(_iter_columns(shown)),
        highest=max((each.certified + each.claimed for each in shown), default=0),
    )


def _format_verdict(report: ArchiveReport) -> tuple[str, str]:
    files, total = report.files, f"{report.files.total:,}"
    for number, tone, what in (
        (files.invalid, "bad", "invalid"),
        (files.failed, "bad", "unreadable"),
        (files.not_established, "open", "not established"),
        (files.no_signature, "open", "without signature"),
    ):
        if number:
            return tone, f"{number:,} of {total} {'file' if total == '1' else 'files'} {_is_or_are(number)} {what}"
    if files.partial:
        return "open", f"All {total} files are valid, {files.partial:,} of them for a part of their elements"
    return ("good", f"All {total} files are valid") if files.total else ("open", "No file was verified")


def _iter_meaning(report: ArchiveReport) -> Iterator[str]:
    files = report.files
    if report.stopped:
        yield f"The run stopped early, and this is not the whole archive: {report.stopped}."
    if files.invalid:
        yield f"Invalid: {files.invalid:,}. The data is not what was signed, or the signature must not be trusted."
    if files.failed:
        yield f"Unreadable: {files.failed:,}. Nothing is known about their signatures."
    if files.not_established:
        yield f"Not established: {files.not_established:,}. Whether they can be trusted could not be found out."
    if files.no_signature:
        yield f"No signature: {files.no_signature:,}. Anybody could have changed them unnoticed."
    if files.valid:
        yield f"Valid: {files.valid:,}. What was signed is unchanged."
    if files.partial:
        yield f"Of these, {files.partial:,} are signed in part: what is not signed could be changed unnoticed."


def _iter_actions(report: ArchiveReport, *, has_trust: bool) -> Iterator[str]:
    files = report.files
    if files.not_established and not has_trust:
        yield (
            "No trust anchor is configured, so no signer is trusted. Name the authorities that this site trusts "
            "(--trust-anchor FILE, or --trust NAME as [trust.NAME] of the configuration file says), and verify again."
        )
    if files.invalid:
        yield "Do not rely on the invalid files. Keep them: they are evidence."
        yield "Fetch those again from their source whose data is not what was signed; for others it would not help."
    if files.failed:
        yield "Fetch the unreadable files again from their source, or from a backup."
    if files.not_established:
        yield "Treat what is not established as unsigned until the open question is answered."
    if files.no_signature:
        yield "Ask the source for signed instances if your rules demand them."
    if report.more_attention:
        yield "The list below is not complete: --json-lines, or a journal, names every file."
    if not (report.attention or report.stopped):
        yield "Nothing: no file needs attention."
    yield "For everything about one file, verify that with --html."


def _sort_by_series(attention: Iterable[AttentionFile]) -> list[AttentionFile]:
    """Those with the worst file first, the files of a study and of a series together."""
    worst: dict[tuple[str, ...], int] = {}
    for each in attention:
        rank = _RANKS[each.verdict]
        for key in ((each.study,), (each.study, each.series)):
            worst[key] = min(worst.get(key, rank), rank)

    def place(each: AttentionFile) -> tuple[object, ...]:
        study, series = (each.study,), (each.study, each.series)
        return worst[study], study, worst[series], series, _RANKS[each.verdict], each.name

    return sorted(attention, key=place)


def _group_by_series(attention: Iterable[AttentionFile]) -> tuple[SeriesFiles, ...]:
    """What is of one series, together; it is sorted already."""
    groups = groupby(attention, key=lambda each: (each.study, each.series))
    return tuple(SeriesFiles(study=study, series=series, files=tuple(files)) for (study, series), files in groups)


def _is_or_are(number: int) -> str:
    return "is" if number == 1 else "are"


def verdict_style(each: AttentionFile) -> tuple[str, str]:
    """Tone and word of the verdict on a file."""
    return VERDICTS[each.verdict]


def attention_reason(each: AttentionFile) -> str:
    """Why a file needs attention, in words."""
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
    """A column for each month that has signatures, and a label below as many as have room."""
    if not months:
        return
    highest = max(each.certified + each.claimed for each in months)
    step = min(_WIDTH / len(months), 2 * _MAX_COLUMN_WIDTH)
    every = -(-len(months) // 10)
    for number, each in enumerate(months):
        yield MonthColumn(
            x=number * step + step * 0.15,
            width=min(step * 0.7, _MAX_COLUMN_WIDTH),
            certified=_HEIGHT * each.certified / highest,
            claimed=_HEIGHT * each.claimed / highest,
            label=each.month if number % every == 0 else "",
        )
