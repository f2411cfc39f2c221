"""A run over many files: found, worked on, told of, and summed up."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from time import perf_counter
from typing import TYPE_CHECKING

from dcmseal.batch.items import Item, Unfound
from dcmseal.batch.results import Form, Result
from dcmseal.batch.running import started
from dcmseal.batch.tally import Tally
from dcmseal.cli.archive_output import JsonFiles, JsonLines, QuietReport, Report, TextReport
from dcmseal.cli.archive_progress import progress
from dcmseal.cli.archives import found_in, found_of, without_outputs, workers_of
from dcmseal.cli.journal_options import journal_of, shard_of
from dcmseal.cli.streams import check_reader
from dcmseal.errors import DatasetError

if TYPE_CHECKING:
    from dcmseal.batch.key_here import KeyHere
    from dcmseal.batch.shards import Shard
    from dcmseal.batch.tasks import Task
    from dcmseal.plugins.reporting import ReportContext


def report_of(
    options: Namespace,
    done: str,
    *,
    detail: Form = Form.VERDICT,
    show: Callable[[Result], None] | None = None,
    hint: str = "",
    context: Callable[[], ReportContext] | None = None,
) -> Report:
    """Where the options want results to go.

    ``done`` says for people what was done with files, ``hint`` what to do about those that are not established, and
    ``context`` what a verification rests upon.
    """
    if options.json_lines:
        return JsonLines(context() if context else None)
    if options.json:
        return JsonFiles(context() if context else None)
    return QuietReport() if options.quiet else TextReport(done, detail=detail, show=show, hint=hint)


def run_archive(
    task: Task,
    words: Sequence[str],
    options: Namespace,
    output: Report,
    *,
    key: KeyHere | None = None,
    on_recorded: Callable[[Result], object] | None = None,
) -> int:
    """Work on all that words and options name; returns the exit code of the worst file.

    ``key`` is the one that signs, if it does so here. ``on_recorded`` is told of what a journal has already.
    """
    found = without_outputs(found_of(words, options), options)
    workers, shard = workers_of(options), shard_of(options)
    count = None if options.files_from else _counter(words, options, shard)
    tally = Tally()
    with journal_of(options, task, key) as journal:
        if journal is not None:
            tally = Tally(recorded_summaries=journal.recorded_summaries)
            journal.on_recorded = _both(tally.add_attention, on_recorded)
        results = started(found, task, journal=journal, key=key, executor=workers, jobs=options.jobs)
        named = " ".join([*words, *([options.files_from] if options.files_from else [])])
        return told(results, output, tally, named, quiet=options.quiet, count=count, is_part=shard is not None)


def _both(first: Callable[[Result], object], second: Callable[[Result], object] | None) -> Callable[[Result], object]:
    def told_both(result: Result) -> None:
        first(result)
        if second is not None:
            second(result)

    return told_both


def told(
    results: Generator[Result],
    output: Report,
    summary: Tally,
    source_text: str,
    *,
    quiet: bool,
    count: Callable[[], int] | None = None,
    is_part: bool = False,
) -> int:
    """Tell of results as they come, and what they came to; returns the exit code of the worst.

    ``summary`` counts them; it may know results that a journal has already. ``source_text`` is what was asked for, in words.
    ``is_part`` says that no file at all is none too few, as it may come to in one shard of many.
    """
    start = perf_counter()
    with closing(results), progress(quiet=quiet, count=count) as shown:
        for result in results:
            summary.add(result)
            output.add(result)
            shown.add(result, summary)
            check_reader()
    summary.add_recorded()
    if not summary.files and not is_part:
        error = DatasetError("no DICOM file was found", hint="check the names; in folders, only DICOM files count")
        if not summary.ignored:
            raise error
        nothing = Result.from_error(Unfound(source=source_text, error=error), error)
        summary.add(nothing)
        output.add(nothing)
    output.end(summary, perf_counter() - start)
    return summary.exit_code


def _counter(words: Sequence[str], options: Namespace, shard: Shard | None) -> Callable[[], int]:
    def count() -> int:
        found = found_in(words, options)
        return sum(shard is None or not isinstance(each, Item) or shard.contains(each.relative) for each in found)

    return count
