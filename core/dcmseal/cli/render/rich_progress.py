"""The progress bar: rate, time left, verdicts so far, and the last failures."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from io import TextIOBase
from threading import Thread
from typing import Final, TextIO

from rich.ansi import AnsiDecoder
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from dcmseal.batch.results import BatchResult
from dcmseal.batch.run_summary import RunSummary
from dcmseal.cli.render.text_layout import escape_unprintable, format_verdicts
from dcmseal.cli.standard_streams import standard_output

_MAX_FAILURES: Final = 3
_FAILED_VERDICTS: Final = ("invalid", "failed")


class BarProgress:
    """The progress bar, which is redrawn a few times a second, regardless of the number of results."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("", total=None, rate="")
        self._summary = RunSummary()
        self._failures: deque[str] = deque(maxlen=_MAX_FAILURES)

    def add(self, result: BatchResult, summary: RunSummary) -> None:
        """Count a result."""
        self._summary = summary
        if result.verdict in _FAILED_VERDICTS:
            self._failures.append(escape_unprintable(f"{result.input.source}: {result.verdict}; {result.reason}"))

    def set_total(self, total: int) -> None:
        """Set the total number of files."""
        self._bar.update(self._task, total=total)

    def __rich__(self) -> Group:
        done = self._summary.files + self._summary.ignored + self._summary.recorded_summaries.total()
        self._bar.update(self._task, completed=done)
        speed = self._bar.tasks[0].speed
        self._bar.update(self._task, rate=f"{speed:.0f} files/s" if speed else "")
        lines = [
            Text(format_verdicts(self._summary), no_wrap=True),
            *(Text(each, "red", no_wrap=True) for each in self._failures),
        ]
        return Group(self._bar, *lines)


@contextmanager
def open_progress_bar(stream: TextIO, count: Callable[[], int] | None) -> Generator[BarProgress]:
    """A progress bar that is removed when the context ends."""
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    shown = BarProgress(console)
    if count is not None:
        Thread(target=lambda: shown.set_total(count()), daemon=True).start()
    # other lines have to go through the console of the bar, which would otherwise erase the last one
    stdout = standard_output()
    with ExitStack() as stack:
        stack.enter_context(Live(shown, console=console, transient=True, redirect_stdout=False, redirect_stderr=False))
        stack.enter_context(redirect_stderr(_LinesAboveBar(console, stream)))
        if stdout is not None and stdout.isatty():
            stack.enter_context(redirect_stdout(_LinesAboveBar(console, stdout)))
        yield shown


class _LinesAboveBar(TextIOBase):
    """A stream to the terminal with the bar: its lines appear above the bar, and the terminal wraps them."""

    def __init__(self, console: Console, stream: TextIO) -> None:
        self._console = console
        self._stream = stream
        self._decoder = AnsiDecoder()
        self._pending = ""

    @property
    def encoding(self) -> str:  # type: ignore[override] # TextIO declares an attribute
        return self._stream.encoding

    def write(self, text: str, /) -> int:
        *lines, self._pending = (self._pending + text).split("\n")
        if lines:
            written = Text("\n").join(map(self._decoder.decode_line, lines))
            self._console.print(written, soft_wrap=True)
        return len(text)

    def flush(self) -> None:
        if self._pending:
            self.write("\n")

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()
