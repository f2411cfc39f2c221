"""``dcmseal sign --dry-run`` of many files: which would be signed, which left alone, and which cannot be."""

from __future__ import annotations

from argparse import Namespace
from typing import Final

from dcmseal.batch.plan_task import PlanTask
from dcmseal.cli.archive_output import show_line
from dcmseal.cli.archive_run import report_of, run_archive
from dcmseal.cli.chosen_key import key_of
from dcmseal.cli.signing_archives import check_places, task_without_key
from dcmseal.errors import UsageError

_JOURNAL: Final = ("journal", "journal_digest", "journal_full", "journal_retry", "shard")


def plan_archive(options: Namespace) -> int:
    """Try all that is named; the exit code is that of the worst file. Of the key, no more is used than its setup."""
    if any(getattr(options, name) for name in _JOURNAL):
        raise UsageError(
            "a dry run has no journal: nothing is done that could be kept in it",
            hint="leave out --journal and the options about it, or --dry-run",
        )
    check_places(options)
    report = report_of(options, "looked at, none signed,", show=show_line if options.verbose else None)
    task = PlanTask(task_without_key(options, key_of(options), report.detail))
    return run_archive(task, options.words, options, report)
