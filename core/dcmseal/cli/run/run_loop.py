"""The loop of ``sign``, ``verify`` and ``list`` over one file or millions: totals, exit code, progress and Ctrl-C.

What is shown of a result is the output's choice: few named files in full, the files of an archive in a line or not at
all.
"""

# Kept apart: a single small file needs no pool of processes, which takes time to import.

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, closing
from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol

from dcmseal.batch.run_summary import RunSummary
from dcmseal.errors import Interrupted
from dcmseal.exit_codes import ExitCode

if TYPE_CHECKING:
    from dcmseal.batch.results import BatchResult

CONTINUE_HINT: Final = "run the same command again to continue"
JOURNAL_HINT: Final = "nothing was recorded; with --journal FILE, a run can continue where it stopped"


class ResultOutput(Protocol):
    """Shows results."""

    def add(self, result: BatchResult) -> None:
        """Show a result, or keep it for the end."""
        ...

    def end(self, summary: RunSummary, seconds: float) -> None:
        """Show the totals, and why the run stopped early, if it did."""
        ...


class RunProgress(Protocol):
    """Shows progress."""

    def add(self, result: BatchResult, summary: RunSummary) -> None:
        """Show the progress after a result."""
        ...


def run_loop(
    results: Generator[BatchResult],
    output: ResultOutput,
    progress: AbstractContextManager[RunProgress],
    *,
    summary: RunSummary | None = None,
    is_single: bool = False,
    interruption_hint: str = JOURNAL_HINT,
) -> ExitCode:
    """Show results as they arrive, and then the totals.

    Args:
        results: The results; closed at the end.
        output: Shows them.
        progress: Shows the progress.
        summary: Counts the results; it may contain results that a journal has already.
        is_single: Whether the command is about one file: its error, or Ctrl-C, ends the command.
        interruption_hint: What to do after Ctrl-C.

    Returns:
        The exit code of the worst result.

    Raises:
        SealError: The error of the only file.
        KeyboardInterrupt: Work on the only file was interrupted.
    """
    summary = summary or RunSummary()
    start = perf_counter()
    try:
        with closing(results), progress as shown:
            for result in results:
                if result.error is not None:
                    if is_single:
                        raise result.error
                    result = _with_shell_hint(result)  # noqa: PLW2901 - the same result in other words
                summary.add(result)
                output.add(result)
                shown.add(result, summary)
    except KeyboardInterrupt:
        if is_single:
            raise
        summary.add_earlier_results()
        summary.exit_code = ExitCode.INTERRUPTED
        summary.stop_error = Interrupted("interrupted", hint=interruption_hint)
    else:
        summary.add_earlier_results()
    output.end(summary, perf_counter() - start)
    return summary.exit_code


def _with_shell_hint(result: BatchResult) -> BatchResult:
    # the table of hints is not imported where nothing fails
    from dcmseal.cli.error_hints import with_shell_hint

    return with_shell_hint(result)
