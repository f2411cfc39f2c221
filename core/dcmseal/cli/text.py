"""Text that comes from files, certificates and plugins, made fit for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

LONGEST: Final = 400
"""Characters of one value that are shown."""
LONGEST_LINE: Final = 20_000
_SHORT_LIST: Final = 12


def printable(text: str, limit: int = LONGEST) -> str:
    r"""The text with everything escaped that a terminal might obey, or that does not show, and bounded in length.

    >>> printable("DOE\x1b[2J^JANE")
    'DOE\\x1b[2J^JANE'
    """
    left_out = len(text) - limit
    if left_out > 0:
        text = text[:limit]
    if not text.isprintable():
        text = "".join(each if each.isprintable() else _escape(each) for each in text)
    return f"{text}... ({left_out} more characters)" if left_out > 0 else text


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def joined(names: Sequence[str], *, all_of_them: bool = False) -> str:
    """A list in a line, cut short unless all are wanted."""
    shown = names if all_of_them else names[:_SHORT_LIST]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more (-v shows all)" if more else "")


def counted(number: int, thing: str) -> str:
    """A number and a noun.

    >>> counted(1, "element"), counted(2, "element")
    ('1 element', '2 elements')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows as lines of aligned columns, two spaces apart; nothing is cut or wrapped."""
    kept = list(rows)
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in kept]
