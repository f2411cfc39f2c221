"""Writes and reads journals of an archive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.inputs.shard import Shard
from dcmseal.batch.journal.journal_reader import JournalReader, JournalStatus
from dcmseal.batch.journal.journal_settings import JournalSettings
from dcmseal.batch.journal.run_journal import Journal
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.tasks.task import VerifyTask
from dcmseal.verification.verification_options import VerifyOptions

VERIFY = VerifyTask(options=VerifyOptions(integrity_only=True))
Tree = Callable[..., Path]


def journal_of(path: Path, archive: Path, shard: Shard | None = None, task: VerifyTask = VERIFY) -> str:
    """Verify, with a journal."""
    with Journal.open(JournalSettings(path=str(path), shard=shard), task) as journal:
        list(run_task(iter_inputs([str(archive)]), VERIFY, journal=journal, jobs=1))
    return str(path)


def status_of(path: str) -> JournalStatus:
    with JournalReader.open(path) as journal:
        return journal.status()


def verdicts_in(path: str) -> dict[str, str]:
    with JournalReader.open(path) as journal:
        return {Path(each.source).name: each.summary.verdict for each in journal.iter_entries()}
