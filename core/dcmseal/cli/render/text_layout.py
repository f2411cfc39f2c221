"""Layout of text from files, certificates and plugins for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from dcmseal.text import MAX_LENGTH, escape_unprintable

if TYPE_CHECKING:
    from dcmseal.batch.run_summary import RunSummary

MAX_LINE: Final = 20_000
_MAX_SHORT_LIST: Final = 12


def join_names(names: Sequence[str], *, show_all: bool = False) -> str:
    """Join names in one line; only the first ones unless ``show_all``."""
    shown = names if show_all else names[:_MAX_SHORT_LIST]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more (-v shows all)" if more else "")


def format_count(number: int, thing: str) -> str:
    """Format a number and a noun.

    >>> format_count(1, "element"), format_count(2, "element")
    ('1 element', '2 elements')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def align_columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows as lines of aligned columns, two spaces apart; nothing is cut or wrapped."""
    kept = list(rows)
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in kept]


def format_verdicts(summary: RunSummary) -> str:
    """The number of files with each verdict, in one line."""
    return ", ".join(f"{count} {verdict.replace('-', ' ')}" for verdict, count in summary.verdicts.most_common())


__all__ = [
    "MAX_LENGTH",
    "MAX_LINE",
    "align_columns",
    "escape_unprintable",
    "format_count",
    "format_verdicts",
    "join_names",
]
