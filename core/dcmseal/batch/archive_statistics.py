"""Statistics for a report about an archive, collected result by result in bounded memory.

>>> from dcmseal.batch.journal.result_summary import ResultSummary
>>> statistics = ArchiveStatistics()
>>> statistics.add("a.dcm", ResultSummary(kind="verified", verdict="no-signature", exit_code=3))
>>> report = statistics.report()
>>> report.files.no_signature, [each.name for each in report.attention]
(1, ['a.dcm'])
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from dcmseal.batch.result_kind import ResultKind
from dcmseal.batch.run_summary import URGENT_VERDICTS
from dcmseal.model.report import Instance
from dcmseal.plugins.archive_report import (
    ArchiveReport,
    AttentionFile,
    FileCounts,
    MonthTotals,
    ProfileTotals,
    SignatureCounts,
    SignerTotals,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dcmseal.batch.journal.result_summary import ResultSummary
    from dcmseal.batch.journal.signature_summary import SignatureSummary

_MAX_ATTENTION: Final = 1000
_MAX_SIGNERS: Final = 100
_MAX_PROFILES: Final = 100
_MAX_MONTHS: Final = 240
"""Files, signers, profiles and months that a report names."""
_MAX_COUNTED: Final = 10_000
"""Signers, profiles and months that are counted separately; files may contain any number of names."""
_MAX_REASON: Final = 1000
"""Characters of a reason."""
_NO_INSTANCE: Final = Instance()
_VERDICTS: Final = frozenset({"valid", *URGENT_VERDICTS})
_NO_PROFILE: Final = "none"
"""The profile that demands nothing."""

_VerdictCounter: TypeAlias = "Counter[str]"
_Key = TypeVar("_Key")


class ArchiveStatistics:
    """Counts results of verification, and keeps the worst."""

    def __init__(self) -> None:
        self._files: Counter[str] = Counter()
        self._partial = 0
        self._ignored = 0
        self._recorded = 0
        self._signatures: _VerdictCounter = Counter()
        self._signers: dict[tuple[str, str], _VerdictCounter] = {}
        self._more_signers: _VerdictCounter = Counter()
        self._profiles: dict[str, _VerdictCounter] = {}
        self._no_profile: _VerdictCounter = Counter()
        self._months: dict[str, Counter[bool]] = {}
        self._more_months = 0
        self._undated = 0
        self._attention: list[AttentionFile] = []

    def add(
        self,
        name: str,
        summary: ResultSummary,
        reason: str = "",
        instance: Instance | None = None,
        *,
        recorded: bool = False,
    ) -> None:
        """Count a file; ``recorded`` says that a journal had its result."""
        if summary.kind == ResultKind.IGNORED.value:
            self._ignored += 1
            return
        # a journal that somebody meddled with may have verdicts of other tasks
        verdict = summary.verdict if summary.verdict in _VERDICTS else ResultKind.FAILED.value
        self._files[verdict] += 1
        self._partial += summary.is_partial
        self._recorded += recorded
        for each in summary.signatures:
            self._add_signature(each)
        if verdict in URGENT_VERDICTS:
            self._attention.append(_make_attention(name, verdict, summary, reason, instance or _NO_INSTANCE))
            # sorted seldom, so that each file costs next to nothing
            if len(self._attention) >= 2 * _MAX_ATTENTION:
                self._attention = _most_urgent(self._attention)

    def _add_signature(self, summary: SignatureSummary) -> None:
        verdict, number = summary.verdict, summary.number
        self._signatures[verdict] += number
        signer = _get_counter(self._signers, (summary.signer, summary.sha256)) if summary.sha256 else None
        (self._more_signers if signer is None else signer)[verdict] += number
        names = [name for name in summary.profiles if name != _NO_PROFILE]
        for name in names:
            profile = _get_counter(self._profiles, name)
            if profile is not None:
                profile[verdict] += number
        if not names:
            self._no_profile[verdict] += number
        if not summary.month:
            self._undated += number
            return
        if summary.month not in self._months and len(self._months) >= _MAX_COUNTED:
            self._more_months += number
        else:
            self._months.setdefault(summary.month, Counter())[summary.certified] += number

    def report(self, *, named: Iterable[str] = (), seconds: float = 0.0, stopped: str = "") -> ArchiveReport:
        """Build the report of what was counted so far."""
        numbers = {name.replace("-", "_"): number for name, number in self._files.items()}
        files = FileCounts(**numbers, partial=self._partial)
        signers = sorted(self._signers.items(), key=lambda each: (-each[1].total(), each[0]))
        profiles = sorted(self._profiles.items(), key=lambda each: (-each[1].total(), each[0]))
        months = sorted(self._months.items())
        attention = _most_urgent(self._attention)
        return ArchiveReport(
            inputs=tuple(named),
            files=files,
            passed_over=self._ignored,
            recorded=self._recorded,
            signatures=_to_signature_numbers(self._signatures),
            signers=tuple(
                SignerTotals(subject=subject, sha256=sha256, signatures=_to_signature_numbers(verdicts))
                for (subject, sha256), verdicts in signers[:_MAX_SIGNERS]
            ),
            more_signers=_to_signature_numbers(
                _sum_counters([self._more_signers, *(verdicts for _, verdicts in signers[_MAX_SIGNERS:])])
            ),
            profiles=tuple(
                ProfileTotals(name=name, signatures=_to_signature_numbers(verdicts))
                for name, verdicts in profiles[:_MAX_PROFILES]
            ),
            no_profile=_to_signature_numbers(self._no_profile),
            months=tuple(
                MonthTotals(month=month, certified=bases[True], claimed=bases[False])
                for month, bases in months[-_MAX_MONTHS:]
            ),
            more_months=self._more_months + sum(bases.total() for _, bases in months[:-_MAX_MONTHS]),
            undated=self._undated,
            attention=tuple(attention),
            more_attention=sum(self._files[verdict] for verdict in URGENT_VERDICTS) - len(attention),
            seconds=seconds,
            stopped=stopped,
        )


def _get_counter(counters: dict[_Key, _VerdictCounter], key: _Key) -> _VerdictCounter | None:
    """Return the counter of a key; None if there are too many keys."""
    if key not in counters and len(counters) >= _MAX_COUNTED:
        return None
    return counters.setdefault(key, Counter())


def _make_attention(name: str, verdict: str, summary: ResultSummary, reason: str, instance: Instance) -> AttentionFile:
    code = ", ".join(summary.codes)
    if summary.kind == ResultKind.VERIFIED.value and reason:
        first, colon, rest = reason.partition(": ")
        # what nothing was found out about has no code
        code, reason = (first, rest) if colon else ("", reason)
    return AttentionFile(
        name=name,
        verdict=verdict,
        reason=reason[:_MAX_REASON],
        code=code,
        study=instance.study,
        series=instance.series,
    )


def _most_urgent(attention: list[AttentionFile]) -> list[AttentionFile]:
    return sorted(attention, key=lambda each: (URGENT_VERDICTS.index(each.verdict), each.name))[:_MAX_ATTENTION]


def _sum_counters(counters: Sequence[_VerdictCounter]) -> _VerdictCounter:
    total: _VerdictCounter = Counter()
    for each in counters:
        total.update(each)
    return total


def _to_signature_numbers(verdicts: _VerdictCounter) -> SignatureCounts:
    return SignatureCounts(
        valid=verdicts["valid"], not_established=verdicts["not-established"], invalid=verdicts["invalid"]
    )
