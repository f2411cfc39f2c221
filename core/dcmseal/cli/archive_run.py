"""A run over many files: found, worked on, told of, and summed up."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from time import perf_counter

from dcmseal.batch.results import Form, Result
from dcmseal.batch.running import run
from dcmseal.batch.tally import Tally
from dcmseal.batch.tasks import Task
from dcmseal.cli.archive_output import JsonFiles, JsonLines, QuietReport, Report, TextReport
from dcmseal.cli.archive_progress import progress
from dcmseal.cli.archives import found_of, workers_of
from dcmseal.errors import DatasetError


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
    before_end: Callable[[], object] = lambda: None,
) -> int:
    """Work on all that words and options name; returns the exit code of the worst file."""
    found = found_of(words, options, without)
    results = run(found, task, executor=workers_of(options), jobs=options.jobs, before_end=before_end)
    return told(results, report, quiet=options.quiet, count=None if options.files_from else _counter(words, without))


def told(results: Generator[Result], report: Report, *, quiet: bool, count: Callable[[], int] | None = None) -> int:
    """Tell of results as they come, and what they came to; returns the exit code of the worst."""
    start = perf_counter()
    tally = Tally()
    with closing(results), progress(quiet=quiet, count=count) as shown:
        for result in results:
            tally.add(result)
            report.add(result)
            shown.add(result, tally)
    if not tally.files:
        raise DatasetError("no DICOM file was found", hint="check the names; in folders, only DICOM files count")
    report.end(tally, perf_counter() - start)
    return tally.exit_code


def _counter(words: Sequence[str], without: Iterable[str]) -> Callable[[], int]:
    from dcmseal.batch.finding import instances

    return lambda: sum(1 for _ in instances(words, without=without))
