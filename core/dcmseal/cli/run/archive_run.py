"""Runs over many files: find inputs, process them, write results and the summary."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from time import perf_counter
from typing import TYPE_CHECKING, Final

from dcmseal.batch.exit_codes import ExitCode
from dcmseal.batch.inputs.input_file import InputFile, UnreadableInput
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.result_kind import ResultDetail
from dcmseal.batch.results import BatchResult
from dcmseal.batch.run_summary import RunSummary
from dcmseal.cli.error_hints import with_shell_hint
from dcmseal.cli.options.archive_options import find_inputs, make_executor_factory, reject_outputs, walk_inputs
from dcmseal.cli.options.journal_options import open_journal, parse_shard
from dcmseal.cli.render.archive_output import JsonDocumentOutput, JsonLinesOutput, QuietOutput, RunOutput, TextOutput
from dcmseal.cli.render.archive_progress import open_progress
from dcmseal.cli.standard_streams import check_reader
from dcmseal.errors import DatasetError, Interrupted

if TYPE_CHECKING:
    from dcmseal.batch.inputs.shard import Shard
    from dcmseal.batch.local_key import LocalKey
    from dcmseal.batch.tasks.task import Task
    from dcmseal.plugins.report_writer import ReportContext


_CONTINUE_HINT: Final = "run the same command again to continue"
_JOURNAL_HINT: Final = "nothing was recorded; with --journal FILE, a run can continue where it stopped"


def make_output(
    options: Namespace,
    done: str,
    *,
    detail: ResultDetail = ResultDetail.VERDICT,
    show: Callable[[BatchResult], None] | None = None,
    hint: str = "",
    context: Callable[[], ReportContext] | None = None,
) -> RunOutput:
    """Where the options want results to go.

    ``done`` says for people what was done with files, ``hint`` what to do about those that are not established, and
    ``context`` what a verification rests upon.
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
    """Work on all that words and options name; returns the exit code of the worst file.

    ``key`` signs in this process, if given. ``on_recorded`` receives the results that a journal already contains.
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
        return report_results(
            results,
            output,
            tally,
            named,
            quiet=options.quiet,
            count=count,
            is_part=shard is not None,
            interruption_hint=_CONTINUE_HINT if journal is not None else _JOURNAL_HINT,
        )


def _chain_callbacks(
    first: Callable[[BatchResult], object], second: Callable[[BatchResult], object] | None
) -> Callable[[BatchResult], object]:
    def call_both(result: BatchResult) -> None:
        first(result)
        if second is not None:
            second(result)

    return call_both


def report_results(
    results: Generator[BatchResult],
    output: RunOutput,
    summary: RunSummary,
    source_text: str,
    *,
    quiet: bool,
    count: Callable[[], int] | None = None,
    is_part: bool = False,
    interruption_hint: str = "",
) -> int:
    """Write results as they arrive, and the totals; returns the exit code of the worst result.

    ``summary`` counts them; it may know results that a journal has already. ``source_text`` is what was asked for, in
    words. ``is_part`` says that no file at all is none too few, as it may come to in one shard of many.
    """
    start = perf_counter()
    try:
        with closing(results), open_progress(quiet=quiet, count=count) as shown:
            for result in map(with_shell_hint, results):
                summary.add(result)
                output.add(result)
                shown.add(result, summary)
                check_reader()
    except KeyboardInterrupt:
        summary.add_earlier_results()
        summary.exit_code = ExitCode.INTERRUPTED
        summary.stop_error = Interrupted("interrupted", hint=interruption_hint)
        output.end(summary, perf_counter() - start)
        return summary.exit_code
    summary.add_earlier_results()
    if not summary.files and not is_part:
        error = DatasetError("no DICOM files found", hint="check the paths")
        if not summary.ignored:
            raise error
        nothing = BatchResult.from_error(UnreadableInput(source=source_text, error=error), error)
        summary.add(nothing)
        output.add(nothing)
    output.end(summary, perf_counter() - start)
    return summary.exit_code


def _make_counter(words: Sequence[str], options: Namespace, shard: Shard | None) -> Callable[[], int]:
    def count() -> int:
        found = walk_inputs(words, options)
        return sum(shard is None or not isinstance(each, InputFile) or shard.contains(each.relative) for each in found)

    return count
