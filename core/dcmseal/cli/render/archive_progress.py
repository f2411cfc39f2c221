"""Progress of a run over many files: a bar on a terminal, a line every 30 seconds elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import Final, TextIO

from dcmseal.batch.results import BatchResult
from dcmseal.batch.run_summary import RunSummary
from dcmseal.cli.render.text_layout import format_verdicts
from dcmseal.cli.run.run_loop import RunProgress

_INTERVAL: Final = 30.0
"""Seconds between lines."""


class NoProgress:
    """Shows no progress."""

    def add(self, result: BatchResult, summary: RunSummary) -> None:
        """Do nothing."""


class LineProgress:
    """Writes a line at intervals, for logs."""

    def __init__(self, stream: TextIO, *, interval: float = _INTERVAL, clock: Callable[[], float] = monotonic) -> None:
        self._stream = stream
        self._every = interval
        self._clock = clock
        self._start = clock()
        self._due = self._start + interval

    def add(self, result: BatchResult, summary: RunSummary) -> None:
        """Write a line if the interval has passed."""
        now = self._clock()
        if now < self._due:
            return
        self._due = now + self._every
        rate = summary.files / (now - self._start)
        print(
            f"dcmseal: {summary.files} files, {rate:.0f} files/s: {format_verdicts(summary)}",
            file=self._stream,
            flush=True,
        )


def open_progress(*, quiet: bool, count: Callable[[], int] | None) -> AbstractContextManager[RunProgress]:
    """The progress for standard error; ``count`` counts all files, which may take a while."""
    stream: TextIO | None = sys.stderr
    if quiet or stream is None:
        return _as_context(NoProgress())
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        return _as_context(LineProgress(stream))
    from dcmseal.cli.render.rich_progress import open_progress_bar

    return open_progress_bar(stream, count)


@contextmanager
def _as_context(shown: RunProgress) -> Generator[RunProgress]:
    yield shown
