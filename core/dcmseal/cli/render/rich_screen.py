"""Output to a terminal with rich; colour depends on NO_COLOR and the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dcmseal.cli.render.text_layout import MAX_LINE, align_columns, escape_unprintable
from dcmseal.cli.render.tone import Tone


class RichScreen:
    """Lines that the terminal wraps, and tables; text is never interpreted as markup."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False)

    def line(self, text: str = "", tone: Tone = Tone.PLAIN) -> None:
        self._console.print(Text(escape_unprintable(text, MAX_LINE), style=tone.value), soft_wrap=True)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        cells = [[escape_unprintable(cell) for cell in row] for row in rows]
        table = Table(*headings, box=SIMPLE_HEAD, pad_edge=False)
        for row in cells:
            table.add_row(*map(Text, row))
        unbounded = self._console.options.update_width(MAX_LINE)
        if self._console.measure(table, options=unbounded).maximum <= self._console.width:
            self._console.print(table)
            return
        # a table that is too wide would break UIDs, which people copy; wrapped lines do not
        heading, *lines = align_columns([headings, *cells])
        self.line(heading, Tone.HEADING)
        for line in lines:
            self.line(line)
