"""A run over many files: found, worked on, told of, and summed up."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from time import perf_counter
from typing import TYPE_CHECKING

from dcmseal.batch.items import Item, Unfound
from dcmseal.batch.results import Form, Result
from dcmseal.batch.running import started
from dcmseal.batch.tally import Tally
from dcmseal.cli.archive_output import JsonFiles, JsonLines, QuietReport, Report, TextReport
from dcmseal.cli.archive_progress import progress
from dcmseal.cli.archives import found_of, workers_of
from dcmseal.cli.journal_options import journal_of, shard_of
from dcmseal.errors import DatasetError

if TYPE_CHECKING:
    from dcmseal.batch.journal.gists import Gist
    from dcmseal.batch.key_here import KeyHere
    from dcmseal.batch.shards import Shard
    from dcmseal.batch.tasks import Task


def report_of(
    options: Namespace, done: str, *, form: Form = Form.VERDICT, show: Callable[[Result], None] | None = None
) -> Report:
    """Where the options want results to go; ``done`` says for people what was done with files."""
    if options.json_lines:
        return JsonLines()
    if options.json:
        return JsonFiles()
    return QuietReport() if options.quiet else TextReport(done, form=form, show=show)


def run_archive(
    task: Task,
    words: Sequence[str],
    options: Namespace,
    report: Report,
    *,
    without: Iterable[str] = (),
    key: KeyHere | None = None,
    notice: Callable[[str, Gist], object] | None = None,
) -> int:
    """Work on all that words and options name; returns the exit code of the worst file.

    ``key`` is the one that signs, if it does so here. ``notice`` is told of what a journal has already.
    """
    found = found_of(words, options, without)
    workers, shard = workers_of(options), shard_of(options)
    count = None if options.files_from else _counter(words, without, shard)
    with journal_of(options, task, key) as journal:
        if journal is not None and notice is not None:
            journal.notice = notice
        results = started(found, task, journal=journal, key=key, executor=workers, jobs=options.jobs)
        earlier = None if journal is None else journal.passed_over
        named = " ".join([*words, *([options.files_from] if options.files_from else [])])
        is_part = shard is not None
        return told(results, report, named, quiet=options.quiet, count=count, earlier=earlier, is_part=is_part)


def told(
    results: Generator[Result],
    report: Report,
    named: str,
    *,
    quiet: bool,
    count: Callable[[], int] | None = None,
    earlier: Counter[Gist] | None = None,
    is_part: bool = False,
) -> int:
    """Tell of results as they come, and what they came to; returns the exit code of the worst.

    ``named`` is what was asked for, in words. ``earlier`` are the results that a journal has already of files that are
    met again, and grow meanwhile. ``is_part`` says that no file at all is none too few, as it may come to in one shard
    of many.
    """
    start = perf_counter()
    tally = Tally() if earlier is None else Tally(earlier=earlier)
    with closing(results), progress(quiet=quiet, count=count) as shown:
        for result in results:
            tally.add(result)
            report.add(result)
            shown.add(result, tally)
    tally.add_earlier()
    if not tally.files and not is_part:
        error = DatasetError("no DICOM file was found", hint="check the names; in folders, only DICOM files count")
        if not tally.passed_over:
            raise error
        nothing = Result.failed(Unfound(source=named, error=error), error)
        tally.add(nothing)
        report.add(nothing)
    report.end(tally, perf_counter() - start)
    return tally.exit_code


def _counter(words: Sequence[str], without: Iterable[str], shard: Shard | None) -> Callable[[], int]:
    from dcmseal.batch.finding import instances

    def count() -> int:
        found = instances(words, without=without)
        return sum(shard is None or not isinstance(each, Item) or shard.holds(each.relative) for each in found)

    return count
