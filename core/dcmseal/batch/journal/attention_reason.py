"""Why a file needs attention, and its study and series: what a journal stores besides the summary of a result.

>>> AttentionReason(text="mac-differs: the signed data is not what was signed", study="1.2.3").is_present
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from msgspec import Struct

from dcmseal.batch.journal.journal_schema import MAX_REASON, decode_text
from dcmseal.batch.run_summary import URGENT_VERDICTS

if TYPE_CHECKING:
    from dcmseal.batch.results import BatchResult

_MAX_UID = 64


class AttentionReason(Struct, frozen=True, kw_only=True):
    """The text of a result, which belongs to one file only, and its study and series."""

    text: str = ""
    study: str = ""
    series: str = ""

    @classmethod
    def from_result(cls, result: BatchResult) -> Self:
        """Build the reason of a result; it is empty if no attention is needed, to save space."""
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
        """Parse the values of a row, which may be empty; raises TypeError or ValueError if they are invalid."""
        values = (text, study, series)
        text, study, series = ("" if each is None else decode_text(each) for each in values)
        return cls(text=text[:MAX_REASON], study=study[:_MAX_UID], series=series[:_MAX_UID])

    @property
    def is_present(self) -> bool:
        """Whether any value is present."""
        return bool(self.text or self.study or self.series)
