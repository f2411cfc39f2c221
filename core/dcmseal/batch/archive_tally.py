"""What a report about an archive says, counted result by result; it does not grow with their number.

>>> from dcmseal.batch.journal.gists import Gist
>>> tally = ArchiveTally()
>>> tally.add("a.dcm", Gist(kind="verified", verdict="no-signature", exit_code=3))
>>> tally.report().files.no_signature, [each.name for each in tally.report().attention]
(1, ['a.dcm'])
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from dcmseal.batch.results import Kind
from dcmseal.batch.tally import URGENT
from dcmseal.plugins.archive_reporting import (
    ArchiveReport,
    Attention,
    FileNumbers,
    MonthTotals,
    ProfileTotals,
    SignatureNumbers,
    SignerTotals,
)
from dcmseal.report import Instance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dcmseal.batch.journal.gists import Gist
    from dcmseal.batch.journal.signature_gists import SignatureGist

_MOST_ATTENTION: Final = 1000
_MOST_SIGNERS: Final = 100
_MOST_PROFILES: Final = 100
_MOST_MONTHS: Final = 240
"""Files, signers, profiles and months that a report names."""
_MOST_COUNTED: Final = 10_000
"""Signers, profiles and months that are told apart while counting: names in files are anybody's."""
_LONGEST: Final = 1000
"""Characters of a reason."""
_NO_INSTANCE: Final = Instance()
_VERDICTS: Final = frozenset({"valid", *URGENT})
_NO_PROFILE: Final = "none"
"""The profile that demands nothing."""

_Verdicts: TypeAlias = "Counter[str]"
_Key = TypeVar("_Key")


class ArchiveTally:
    """Counts results of verification, and keeps the worst."""

    def __init__(self) -> None:
        self._files: Counter[str] = Counter()
        self._partial = 0
        self._ignored = 0
        self._recorded = 0
        self._signatures: _Verdicts = Counter()
        self._signers: dict[tuple[str, str], _Verdicts] = {}
        self._more_signers: _Verdicts = Counter()
        self._profiles: dict[str, _Verdicts] = {}
        self._no_profile: _Verdicts = Counter()
        self._months: dict[str, Counter[bool]] = {}
        self._more_months = 0
        self._undated = 0
        self._attention: list[Attention] = []

    def add(
        self, name: str, summary: Gist, reason: str = "", instance: Instance | None = None, *, recorded: bool = False
    ) -> None:
        """Count a file; ``recorded`` says that a journal had its result."""
        if summary.kind == Kind.IGNORED.value:
            self._ignored += 1
            return
        # a journal that somebody meddled with may have verdicts of other tasks
        verdict = summary.verdict if summary.verdict in _VERDICTS else Kind.FAILED.value
        self._files[verdict] += 1
        self._partial += summary.is_partial
        self._recorded += recorded
        for each in summary.signatures:
            self._add_signature(each)
        if verdict in URGENT:
            self._attention.append(_attention(name, verdict, summary, reason, instance or _NO_INSTANCE))
            # sorted seldom, so that each file costs next to nothing
            if len(self._attention) >= 2 * _MOST_ATTENTION:
                self._attention = _worst(self._attention)

    def _add_signature(self, summary: SignatureGist) -> None:
        verdict, number = summary.verdict, summary.number
        self._signatures[verdict] += number
        signer = _counted(self._signers, (summary.signer, summary.sha256)) if summary.sha256 else None
        (self._more_signers if signer is None else signer)[verdict] += number
        names = [name for name in summary.profiles if name != _NO_PROFILE]
        for name in names:
            profile = _counted(self._profiles, name)
            if profile is not None:
                profile[verdict] += number
        if not names:
            self._no_profile[verdict] += number
        if not summary.month:
            self._undated += number
            return
        if summary.month not in self._months and len(self._months) >= _MOST_COUNTED:
            self._more_months += number
        else:
            self._months.setdefault(summary.month, Counter())[summary.certified] += number

    def report(self, *, named: Iterable[str] = (), seconds: float = 0.0, stopped: str = "") -> ArchiveReport:
        """What was counted so far."""
        numbers = {name.replace("-", "_"): number for name, number in self._files.items()}
        files = FileNumbers(**numbers, partial=self._partial)
        signers = sorted(self._signers.items(), key=lambda each: (-each[1].total(), each[0]))
        profiles = sorted(self._profiles.items(), key=lambda each: (-each[1].total(), each[0]))
        months = sorted(self._months.items())
        attention = _worst(self._attention)
        return ArchiveReport(
            inputs=tuple(named),
            files=files,
            passed_over=self._ignored,
            recorded=self._recorded,
            signatures=_numbers(self._signatures),
            signers=tuple(
                SignerTotals(subject=subject, sha256=sha256, signatures=_numbers(verdicts))
                for (subject, sha256), verdicts in signers[:_MOST_SIGNERS]
            ),
            more_signers=_numbers(_sum([self._more_signers, *(verdicts for _, verdicts in signers[_MOST_SIGNERS:])])),
            profiles=tuple(
                ProfileTotals(name=name, signatures=_numbers(verdicts)) for name, verdicts in profiles[:_MOST_PROFILES]
            ),
            no_profile=_numbers(self._no_profile),
            months=tuple(
                MonthTotals(month=month, certified=bases[True], claimed=bases[False])
                for month, bases in months[-_MOST_MONTHS:]
            ),
            more_months=self._more_months + sum(bases.total() for _, bases in months[:-_MOST_MONTHS]),
            undated=self._undated,
            attention=tuple(attention),
            more_attention=sum(self._files[verdict] for verdict in URGENT) - len(attention),
            seconds=seconds,
            stopped=stopped,
        )


def _counted(counters: dict[_Key, _Verdicts], key: _Key) -> _Verdicts | None:
    """The counter of a key; None if there are too many to have another."""
    if key not in counters and len(counters) >= _MOST_COUNTED:
        return None
    return counters.setdefault(key, Counter())


def _attention(name: str, verdict: str, summary: Gist, reason: str, instance: Instance) -> Attention:
    code = ", ".join(summary.codes)
    if summary.kind == Kind.VERIFIED.value and reason:
        first, colon, rest = reason.partition(": ")
        # what nothing was found out about has no code
        code, reason = (first, rest) if colon else ("", reason)
    return Attention(
        name=name,
        verdict=verdict,
        reason=reason[:_LONGEST],
        code=code,
        study=instance.study,
        series=instance.series,
    )


def _worst(attention: list[Attention]) -> list[Attention]:
    return sorted(attention, key=lambda each: (URGENT.index(each.verdict), each.name))[:_MOST_ATTENTION]


def _sum(counters: Sequence[_Verdicts]) -> _Verdicts:
    total: _Verdicts = Counter()
    for each in counters:
        total.update(each)
    return total


def _numbers(verdicts: _Verdicts) -> SignatureNumbers:
    return SignatureNumbers(
        valid=verdicts["valid"], not_established=verdicts["not-established"], invalid=verdicts["invalid"]
    )
