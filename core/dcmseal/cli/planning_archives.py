"""``dcmseal sign --dry-run`` of many files: which would be signed, which left alone, and which cannot be."""

from __future__ import annotations

from argparse import Namespace
from typing import Final

from dcmseal.batch.plan_task import PlanTask
from dcmseal.cli.archive_output import show_result_line
from dcmseal.cli.archive_run import make_output, run_archive
from dcmseal.cli.chosen_key import parse_key
from dcmseal.cli.signing_archives import build_task_without_key, check_destinations
from dcmseal.errors import UsageError

_JOURNAL_OPTIONS: Final = ("journal", "journal_digest", "journal_full", "journal_retry", "shard")


def plan_archive(options: Namespace) -> int:
    """Try all that is named; the exit code is that of the worst file. Of the key, no more is used than its setup."""
    if any(getattr(options, name) for name in _JOURNAL_OPTIONS):
        raise UsageError(
            "a dry run has no journal: nothing is done that could be kept in it",
            hint="leave out --journal and the options about it, or --dry-run",
        )
    check_destinations(options)
    report = make_output(options, "looked at, none signed,", show=show_result_line if options.verbose else None)
    task = PlanTask(build_task_without_key(options, parse_key(options), report.detail))
    return run_archive(task, options.words, options, report)
