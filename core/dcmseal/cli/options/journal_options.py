"""Options for the journal of a run over many files, and for shards."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from dcmseal.cli.parser import Parser
from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from dcmseal.batch.inputs.shard import Shard
    from dcmseal.batch.journal.run_journal import Journal
    from dcmseal.batch.local_key import LocalKey
    from dcmseal.batch.tasks.task import Task

_OPTIONS_WITH_JOURNAL: Final = ("shard", "journal_digest", "journal_full", "journal_retry")


def add_journal_options(parser: Parser) -> None:
    """Add the options."""
    group = parser.add_argument_group("journal (a run that was interrupted continues when you start it again)")
    group.add_argument(
        "--journal", metavar="FILE", help="record results in this file, and skip the files already recorded"
    )
    group.add_argument(
        "--journal-digest", action="store_true", help="recognize files by content instead of size and times"
    )
    group.add_argument("--journal-full", action="store_true", help="record the JSON documents of all results")
    group.add_argument("--journal-retry", action="store_true", help="retry the files that failed")
    group.add_argument("--shard", metavar="I/N", help="process only shard I of N; each shard needs its own journal")


def parse_shard(options: Namespace) -> Shard | None:
    """The shard to process; None for all files. Raises UsageError."""
    if options.shard is None:
        return None
    from dcmseal.batch.inputs.shard import Shard

    return Shard.parse(options.shard)


@contextmanager
def open_journal(options: Namespace, task: Task, key: LocalKey | None = None) -> Generator[Journal | None]:
    """Open the key, if the run needs it in any case, and then the journal; None without --journal.

    Raises:
        UsageError: The options contradict each other, or the journal belongs to another run.
        JournalError: The journal is damaged or in use.
        SealError: The key cannot be opened.
    """
    if options.journal is None:
        for name in _OPTIONS_WITH_JOURNAL:
            if getattr(options, name):
                option = name.replace("_", "-")
                raise UsageError(f"--{option} requires --journal", hint="add --journal FILE")
        if key is not None:
            key.open_for_new_journal(None)
        yield None
        return
    from dcmseal.batch.journal.journal_settings import JournalSettings
    from dcmseal.batch.journal.run_journal import Journal

    settings = JournalSettings(
        path=options.journal,
        shard=parse_shard(options),
        by_content=options.journal_digest,
        keep_documents=options.journal_full,
        retry_failed=options.journal_retry,
    )
    if key is not None:
        key.open_for_new_journal(settings)
    with Journal.open(settings, task) as journal:
        yield journal
