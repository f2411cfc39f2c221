"""Progress over several files: a temporary line on a terminal, nothing elsewhere."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, Self, TextIO

from dcmseal.cli.render.text_layout import escape_unprintable

if TYPE_CHECKING:
    from dcmseal.batch.results import BatchResult
    from dcmseal.batch.run_summary import RunSummary

_DEFAULT_WIDTH: Final = 80
"""Columns of a terminal of unknown width."""


class FileProgress:
    """Shows the number and the name of the current file on standard error."""

    def __init__(self, total: int, *, quiet: bool = False) -> None:
        stream: TextIO | None = sys.stderr
        shown = total > 1 and not quiet and stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
        self._stream = stream if shown else None
        self._total = total
        self._number = 0
        self._length = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def add(self, result: BatchResult, summary: RunSummary) -> None:
        """Do nothing: a file is shown when work on it begins."""

    def next(self, name: str) -> None:
        """Show the next file."""
        self._number += 1
        if self._stream is None:
            return
        self.clear()
        line = f"{self._number}/{self._total} {escape_unprintable(name)}"[: _terminal_width() - 1]
        self._length = len(line)
        self._stream.write(line)
        self._stream.flush()

    def clear(self) -> None:
        """Remove the line."""
        if self._stream is not None and self._length:
            self._stream.write(f"\r{' ' * self._length}\r")
            self._stream.flush()
            self._length = 0


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _DEFAULT_WIDTH
    except (OSError, ValueError):
        return _DEFAULT_WIDTH
