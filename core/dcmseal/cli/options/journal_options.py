"""Options for the journal of a run over many files, and for shards."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Final

from dcmseal.cli.parser import Parser
from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from dcmseal.batch.inputs.shard import Shard
    from dcmseal.batch.journal.journal_settings import JournalSettings

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


def parse_journal_settings(options: Namespace) -> JournalSettings | None:
    """Return which journal to write; None without --journal.

    Raises:
        UsageError: The options contradict each other.
    """
    if getattr(options, "dry_run", False) and (
        options.journal or any(getattr(options, each) for each in _OPTIONS_WITH_JOURNAL)
    ):
        raise UsageError("--dry-run does not write a journal", hint="remove --dry-run, or the journal options")
    shard = _parse_shard(options.shard)
    if options.journal is None:
        for name in _OPTIONS_WITH_JOURNAL:
            if getattr(options, name):
                option = name.replace("_", "-")
                raise UsageError(f"--{option} requires --journal", hint="add --journal FILE")
        return None
    from dcmseal.batch.journal.journal_settings import JournalSettings

    return JournalSettings(
        path=options.journal,
        shard=shard,
        by_content=options.journal_digest,
        keep_documents=options.journal_full,
        retry_failed=options.journal_retry,
    )


def _parse_shard(text: str | None) -> Shard | None:
    if text is None:
        return None
    from dcmseal.batch.inputs.shard import Shard

    return Shard.parse(text)
