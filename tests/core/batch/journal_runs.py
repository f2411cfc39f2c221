"""Runs tasks with a journal, and reads what it recorded."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.journal.journal_reader import JournalEntry, JournalReader, JournalStatus
from dcmseal.batch.journal.journal_settings import JournalSettings
from dcmseal.batch.journal.run_journal import Journal
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.results import BatchResult
from dcmseal.batch.tasks.sign_task import Placement, SignTask
from dcmseal.batch.tasks.task import Task

Tree = Callable[..., Path]


def sign_task(key: str, **settings: Any) -> SignTask:
    return replace(SignTask(run_id=str(uuid.uuid4()), placement=Placement(), key=key), **settings)


def results_of(
    settings: JournalSettings, task: Task, *words: str | Path, first: int | None = None
) -> list[BatchResult]:
    """Run a task and stop after the first results; unlike a killed run, it commits at the end."""
    with Journal.open(settings, task) as journal:
        return list(islice(run_task(iter_inputs(map(str, words)), task, journal=journal, jobs=1), first))


def status_of(settings: JournalSettings) -> JournalStatus:
    with JournalReader.open(settings.path) as journal:
        return journal.status()


def entries_of(settings: JournalSettings) -> list[JournalEntry]:
    with JournalReader.open(settings.path) as journal:
        return list(journal.iter_entries())


def names(results: Sequence[BatchResult | JournalEntry]) -> list[str]:
    return [Path(each.source if isinstance(each, JournalEntry) else each.input.source).name for each in results]
