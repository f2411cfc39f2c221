"""Merging the journals of shards into one for the whole archive; the latest result of a file counts."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from dcmseal.batch.inputs.shard import Shard
from dcmseal.batch.journal.journal_database import LOCK_TIMEOUT, check_writers
from dcmseal.batch.journal.journal_reader import JournalReader, JournalStatus
from dcmseal.batch.journal.journal_schema import is_future
from dcmseal.batch.journal.journal_store import JournalStore
from dcmseal.errors import UsageError
from dcmseal.output.atomic_file import create_file
from dcmseal.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_MISSING: Final = 100
"""Maximum number of missing shards that are named."""


def merge_journals(paths: Sequence[str], output: str, *, lock_timeout: float = LOCK_TIMEOUT) -> tuple[str, ...]:
    """Write a journal with the results of several.

    Args:
        paths: The journals of the shards.
        output: The new journal, which must not exist.
        lock_timeout: Seconds to wait for another process that has locked a journal.

    Returns:
        The shards that are missing.

    Raises:
        UsageError: The journals are of different tasks, or a run has not ended.
        JournalError: A journal is damaged or in use, or the new one cannot be written.
    """
    for path in (*paths, output):
        check_writers(path)
    statuses = [_read_status(path) for path in paths]
    for path, status in zip(paths, statuses, strict=True):
        status.header.check_task(path, statuses[0].header)
        if status.open_intents:
            raise UsageError(f"the run of {path} has not come to its end", hint="start it again, and merge it then")
    if os.path.lexists(output):
        raise UsageError(f"{output} exists", hint="name another file for the merged journal")
    with create_file(output) as temporary:
        _write_merge(paths, statuses, temporary, lock_timeout)
    return _find_missing_shards(status.header.shard for status in statuses)


def _find_missing_shards(shards: Iterable[str]) -> tuple[str, ...]:
    there = [Shard.parse(each) for each in shards if each]
    if not there:
        return ()
    of = max(each.count for each in there)
    numbers = {each.number for each in there if each.count == of}
    missing = (number for number in range(1, of + 1) if number not in numbers)
    return tuple(str(Shard(number=number, count=of)) for number in islice(missing, _MAX_MISSING))


def _read_status(path: str) -> JournalStatus:
    with JournalReader.open(path) as journal:
        return journal.status()


def _combine_runs(statuses: Iterable[JournalStatus]) -> tuple[object, ...]:
    """Combine the runs of all shards to one."""
    runs = [run for status in statuses for run in status.runs]
    found = [status.runs[-1].input_count if status.runs else None for status in statuses]
    return (
        __version__,
        min((run.began.timestamp() for run in runs), default=0.0),
        max((run.ended.timestamp() for run in runs), default=0.0),
        sum(run.result_count for run in runs),
        None if None in found else sum(filter(None, found)),
    )


def _write_merge(paths: Sequence[str], statuses: Sequence[JournalStatus], output: str, lock_timeout: float) -> None:
    now = time.time()
    header = replace(statuses[0].header, run_id=str(uuid.uuid4()), shard="")
    store = JournalStore.open(output, header.to_rows())
    try:
        store.execute(
            "INSERT INTO runs (version, began, ended, result_count, input_count) VALUES (?, ?, ?, ?, ?)",
            _combine_runs(statuses),
        )
        for path in paths:
            with JournalReader.open(path, exclusive=True, lock_timeout=lock_timeout) as journal:
                for entry in journal.iter_entries():
                    recorded_at = int(entry.recorded_at.timestamp())
                    if _recency(store.recorded_at(entry.source), now) < _recency(recorded_at, now):
                        store.record_result(
                            entry.source,
                            entry.identity,
                            entry.summary,
                            recorded_at=recorded_at,
                            uid=entry.uid,
                            document=entry.document,
                            reason=entry.reason,
                        )
            store.commit()
    finally:
        store.close()


def _recency(recorded_at: int, now: float) -> int:
    """Return the sort key of a result by time; a date in the future comes before all others."""
    return -1 if recorded_at < 0 else 0 if is_future(recorded_at, now) else recorded_at + 1
