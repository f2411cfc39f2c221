"""Runs over many files: find inputs, process them, write results and the summary."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from dcmseal.batch.inputs.input_file import InputFile, UnreadableInput
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.result_kind import ResultDetail
from dcmseal.batch.results import BatchResult
from dcmseal.batch.run_summary import RunSummary
from dcmseal.cli.render.archive_output import JsonDocumentOutput, JsonLinesOutput, QuietOutput, RunOutput, TextOutput
from dcmseal.cli.render.archive_progress import open_progress
from dcmseal.cli.run.archive_inputs import find_inputs, reject_outputs, walk_inputs
from dcmseal.cli.run.run_loop import CONTINUE_HINT, JOURNAL_HINT, run_loop
from dcmseal.cli.standard_streams import check_reader
from dcmseal.errors import DatasetError, UsageError

if TYPE_CHECKING:
    from dcmseal.batch.inputs.shard import Shard
    from dcmseal.batch.journal.journal_settings import JournalSettings
    from dcmseal.batch.journal.run_journal import Journal
    from dcmseal.batch.local_key import LocalKey
    from dcmseal.batch.pool.executor_factory import ExecutorFactory
    from dcmseal.batch.tasks.task import Task
    from dcmseal.cli.options.archive_options import ArchiveInputs, ArchiveOptions
    from dcmseal.cli.options.output_form import OutputForm
    from dcmseal.plugins.report_writer import ReportContext


def make_output(
    form: OutputForm,
    done: str,
    *,
    detail: ResultDetail = ResultDetail.VERDICT,
    show: Callable[[BatchResult], None] | None = None,
    hint: str = "",
    context: Callable[[], ReportContext] | None = None,
) -> RunOutput:
    """Build the output for results.

    Args:
        form: The form of the results.
        done: What was done with files, for people.
        detail: The form in which ``show`` needs results.
        show: Shows each result as text; None to show totals only.
        hint: What to do about results that are not established.
        context: Builds the context of a verification, for JSON.
    """
    if form.as_json_lines:
        return JsonLinesOutput(context() if context else None)
    if form.as_json:
        return JsonDocumentOutput(context() if context else None)
    return QuietOutput() if form.quiet else TextOutput(done, detail=detail, show=show, hint=hint)


def run_archive(
    task: Task,
    options: ArchiveOptions,
    output: RunOutput,
    *,
    key: LocalKey | None = None,
    on_recorded: Callable[[BatchResult], object] | None = None,
) -> int:
    """Process all files that the command line names.

    Args:
        task: What to do with each file.
        options: The files, and how to process them.
        output: Shows the results.
        key: A key to sign with in this process.
        on_recorded: Called with results that the journal has already.

    Returns:
        The exit code of the worst file.
    """
    inputs, settings = options.inputs, options.journal
    found = reject_outputs(find_inputs(inputs), options.paths)
    workers = _make_executor_factory(options.executor, options.jobs)
    shard = settings.shard if settings is not None else None
    count = None if inputs.files_from else _make_counter(inputs, shard)
    tally = RunSummary()
    with _open_journal(settings, task, key) as journal:
        if journal is not None:
            tally = RunSummary(recorded_summaries=journal.recorded_summaries)
            journal.on_recorded = _chain_callbacks(tally.add_attention, on_recorded)
        results = run_task(found, task, journal=journal, key=key, executor=workers, jobs=options.jobs)
        named = " ".join([*inputs.words, *([inputs.files_from] if inputs.files_from else [])])
        return run_loop(
            _require_files(results, tally, named, is_part=shard is not None),
            output,
            open_progress(quiet=not options.shows_progress, count=count),
            summary=tally,
            interruption_hint=CONTINUE_HINT if journal is not None else JOURNAL_HINT,
        )


def _make_executor_factory(name: str | None, jobs: int | None) -> ExecutorFactory | None:
    """The executor of this name and address; None for local processes. Raises UsageError or PluginError."""
    if jobs is not None and jobs < 1:
        raise UsageError("--jobs must be at least 1", hint="give the number of processes")
    if name is None:
        return None
    from dcmseal.batch.pool.executor_factory import parse_executor
    from dcmseal.plugins.registry import installed_registry

    return parse_executor(name, jobs, installed_registry())


@contextmanager
def _open_journal(settings: JournalSettings | None, task: Task, key: LocalKey | None) -> Generator[Journal | None]:
    """Open the key, if the run needs it in any case, and then the journal; None without settings.

    Raises:
        UsageError: The journal belongs to another run.
        JournalError: The journal is damaged or in use.
        SealError: The key cannot be opened.
    """
    if key is not None:
        key.open_for_new_journal(settings)
    if settings is None:
        yield None
        return
    from dcmseal.batch.journal.run_journal import Journal

    with Journal.open(settings, task) as journal:
        yield journal


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


def _make_counter(inputs: ArchiveInputs, shard: Shard | None) -> Callable[[], int]:
    def count() -> int:
        found = walk_inputs(inputs.words, inputs)
        return sum(shard is None or not isinstance(each, InputFile) or shard.contains(each.relative) for each in found)

    return count
