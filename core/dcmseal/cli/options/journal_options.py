"""Options about the journal of a run over many files, and the shard that it is of."""

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
    group = parser.add_argument_group("journal (a run that is killed goes on when it is started again)")
    group.add_argument("--journal", metavar="FILE", help="keep results in this file, and pass over what it has")
    group.add_argument(
        "--journal-digest", action="store_true", help="know files by their content, not by size and times"
    )
    group.add_argument("--journal-full", action="store_true", help="keep the JSON documents of all results")
    group.add_argument("--journal-retry", action="store_true", help="try again what failed")
    group.add_argument("--shard", metavar="I/N", help="work on one of N shards only; each has a journal of its own")


def parse_shard(options: Namespace) -> Shard | None:
    """The shard that is asked for; raises UsageError."""
    if options.shard is None:
        return None
    from dcmseal.batch.inputs.shard import Shard

    return Shard.parse(options.shard)


@contextmanager
def open_journal(options: Namespace, task: Task, key: LocalKey | None = None) -> Generator[Journal | None]:
    """The journal that is asked for, open, and before it the key, if that is needed in any case.

    Raises UsageError, JournalError, or what opening the key does.
    """
    if options.journal is None:
        for name in _OPTIONS_WITH_JOURNAL:
            if getattr(options, name):
                option = name.replace("_", "-")
                raise UsageError(f"--{option} is about a journal, and none is named", hint="add --journal FILE")
        if key is not None:
            key.open_if_needed(None)
        yield None
        return
    from dcmseal.batch.journal.journal_settings import JournalSettings
    from dcmseal.batch.journal.run_journal import Journal

    wish = JournalSettings(
        path=options.journal,
        shard=parse_shard(options),
        by_content=options.journal_digest,
        keep_documents=options.journal_full,
        retry_failed=options.journal_retry,
    )
    if key is not None:
        key.open_if_needed(wish)
    with Journal.open(wish, task) as journal:
        yield journal
