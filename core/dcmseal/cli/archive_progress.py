"""How far a run over many files is: a bar on a terminal, a line now and then elsewhere, or nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import Final, Protocol, TextIO

from dcmseal.batch.results import Result
from dcmseal.batch.tally import Tally

_EVERY: Final = 30.0
"""Seconds between lines."""


class Progress(Protocol):
    """Somebody who is told of each result."""

    def add(self, result: Result, summary: Tally) -> None: ...


class NoProgress:
    """Tells nothing."""

    def add(self, result: Result, summary: Tally) -> None:
        """Do nothing."""


class LineProgress:
    """Writes a line every so many seconds, for logs."""

    def __init__(self, stream: TextIO, *, interval: float = _EVERY, clock: Callable[[], float] = monotonic) -> None:
        self._stream = stream
        self._every = interval
        self._clock = clock
        self._start = clock()
        self._due = self._start + interval

    def add(self, result: Result, summary: Tally) -> None:
        """Write a line, if it is time."""
        now = self._clock()
        if now < self._due:
            return
        self._due = now + self._every
        rate = summary.files / (now - self._start)
        print(
            f"dcmseal: {summary.files} files, {rate:.0f} a second: {verdicts(summary)}", file=self._stream, flush=True
        )


def verdicts(summary: Tally) -> str:
    """The counts of a tally in a line."""
    return ", ".join(f"{count} {verdict.replace('-', ' ')}" for verdict, count in summary.verdicts.most_common())


def progress(*, quiet: bool, count: Callable[[], int] | None) -> AbstractContextManager[Progress]:
    """The progress that fits standard error; ``count`` finds out how many files there are, which may take its time."""
    stream: TextIO | None = sys.stderr
    if quiet or stream is None:
        return _always(NoProgress())
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        return _always(LineProgress(stream))
    from dcmseal.cli.rich_progress import bar

    return bar(stream, count)


@contextmanager
def _always(shown: Progress) -> Generator[Progress]:
    yield shown
