"""Runs over many files: find inputs, process them, write results and the summary."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from dcmseal.batch.inputs.input_file import InputFile, UnreadableInput
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.result_kind import ResultDetail
from dcmseal.batch.results import BatchResult
from dcmseal.batch.run_summary import RunSummary
from dcmseal.cli.options.archive_options import find_inputs, make_executor_factory, reject_outputs, walk_inputs
from dcmseal.cli.options.journal_options import open_journal, parse_shard
from dcmseal.cli.render.archive_output import JsonDocumentOutput, JsonLinesOutput, QuietOutput, RunOutput, TextOutput
from dcmseal.cli.render.archive_progress import open_progress
from dcmseal.cli.run.run_loop import CONTINUE_HINT, JOURNAL_HINT, run_loop
from dcmseal.cli.standard_streams import check_reader
from dcmseal.errors import DatasetError

if TYPE_CHECKING:
    from dcmseal.batch.inputs.shard import Shard
    from dcmseal.batch.local_key import LocalKey
    from dcmseal.batch.tasks.task import Task
    from dcmseal.plugins.report_writer import ReportContext


def make_output(
    options: Namespace,
    done: str,
    *,
    detail: ResultDetail = ResultDetail.VERDICT,
    show: Callable[[BatchResult], None] | None = None,
    hint: str = "",
    context: Callable[[], ReportContext] | None = None,
) -> RunOutput:
    """Build the output for results that the options ask for.

    Args:
        options: The parsed command line.
        done: What was done with files, for people.
        detail: The form in which ``show`` needs results.
        show: Shows each result as text; None to show totals only.
        hint: What to do about results that are not established.
        context: Builds the context of a verification, for JSON.
    """
    if options.json_lines:
        return JsonLinesOutput(context() if context else None)
    if options.json:
        return JsonDocumentOutput(context() if context else None)
    return QuietOutput() if options.quiet else TextOutput(done, detail=detail, show=show, hint=hint)


def run_archive(
    task: Task,
    words: Sequence[str],
    options: Namespace,
    output: RunOutput,
    *,
    key: LocalKey | None = None,
    on_recorded: Callable[[BatchResult], object] | None = None,
) -> int:
    """Process all files that the command line names.

    Args:
        task: What to do with each file.
        words: Files, folders, patterns and URLs.
        options: The parsed command line.
        output: Shows the results.
        key: A key to sign with in this process.
        on_recorded: Called with results that the journal has already.

    Returns:
        The exit code of the worst file.
    """
    found = reject_outputs(find_inputs(words, options), options)
    workers, shard = make_executor_factory(options), parse_shard(options)
    count = None if options.files_from else _make_counter(words, options, shard)
    tally = RunSummary()
    with open_journal(options, task, key) as journal:
        if journal is not None:
            tally = RunSummary(recorded_summaries=journal.recorded_summaries)
            journal.on_recorded = _chain_callbacks(tally.add_attention, on_recorded)
        results = run_task(found, task, journal=journal, key=key, executor=workers, jobs=options.jobs)
        named = " ".join([*words, *([options.files_from] if options.files_from else [])])
        return run_loop(
            _require_files(results, tally, named, is_part=shard is not None),
            output,
            open_progress(quiet=options.quiet, count=count),
            summary=tally,
            interruption_hint=CONTINUE_HINT if journal is not None else JOURNAL_HINT,
        )


def _chain_callbacks(
    first: Callable[[BatchResult], object], second: Callable[[BatchResult], object] | None
) -> Callable[[BatchResult], object]:
    def call_both(result: BatchResult) -> None:
        first(result)
        if second is not None:
            second(result)

    return call_both


def _require_files(
    results: Generator[BatchResult], summary: RunSummary, source_text: str, *, is_part: bool
) -> Generator[BatchResult]:
    """Pass results on while somebody reads them, and fail if no DICOM file was found; one shard may have no files."""
    with closing(results):
        for result in results:
            yield result
            check_reader()
    summary.add_earlier_results()
    if not summary.files and not is_part:
        error = DatasetError("no DICOM files found", hint="check the paths")
        if not summary.ignored:
            raise error
        yield BatchResult.from_error(UnreadableInput(source=source_text, error=error), error)


def _make_counter(words: Sequence[str], options: Namespace, shard: Shard | None) -> Callable[[], int]:
    def count() -> int:
        found = walk_inputs(words, options)
        return sum(shard is None or not isinstance(each, InputFile) or shard.contains(each.relative) for each in found)

    return count
