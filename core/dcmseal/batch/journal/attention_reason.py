"""Why a file needs attention, and where it belongs: what a journal keeps of a result besides its summary.

>>> AttentionReason(text="mac-differs: the signed data is not what was signed", study="1.2.3").is_present
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from dcmseal.batch.journal.journal_schema import MAX_REASON, decode_text
from dcmseal.batch.run_summary import URGENT_VERDICTS

if TYPE_CHECKING:
    from dcmseal.batch.results import BatchResult

_MAX_UID = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionReason:
    """The words of a result, which are a file's own, and its study and series."""

    text: str = ""
    study: str = ""
    series: str = ""

    @classmethod
    def from_result(cls, result: BatchResult) -> Self:
        """The reason of a result; that of one which needs no attention is empty, so that it takes no space."""
        if result.verdict not in URGENT_VERDICTS:
            return cls()
        instance = result.instance
        return cls(
            text=result.reason[:MAX_REASON],
            study=instance.study[:_MAX_UID] if instance else "",
            series=instance.series[:_MAX_UID] if instance else "",
        )

    @classmethod
    def from_row(cls, text: object, study: object, series: object) -> Self:
        """What stands in the tables, where nothing may stand; raises TypeError or ValueError for anything else."""
        values = (text, study, series)
        text, study, series = ("" if each is None else decode_text(each) for each in values)
        return cls(text=text[:MAX_REASON], study=study[:_MAX_UID], series=series[:_MAX_UID])

    @property
    def is_present(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.text or self.study or self.series)
