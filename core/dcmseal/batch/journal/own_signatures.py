"""Signatures that a run made before, in files that it signs in place."""

from __future__ import annotations

from dcmseal.batch.items import InputFile
from dcmseal.batch.journal.store import RecordedResult
from dcmseal.batch.journal.taking_up import find_intact_signature
from dcmseal.batch.tasks import SignTask, Task


def is_signature_intact(task: Task, item: InputFile, row: RecordedResult) -> bool:
    """Whether a file that was signed in place has its signature still, and the data that was signed."""
    return is_signed_in_place(task, item, row) and find_intact_signature(item.source, row.uid) is not None


def is_signed_in_place(task: Task, item: InputFile, row: RecordedResult) -> bool:
    """Whether the journal knows of a signature that was made in the file itself."""
    return bool(row.uid) and isinstance(task, SignTask) and task.placement.target_path(item) == item.source


def with_new_uid(task: Task, item: InputFile, row: RecordedResult) -> InputFile:
    """The item, so numbered that its signature gets a UID that none had before."""
    if isinstance(task, SignTask) and row.uid:
        for number in range(1 << 16):
            again = item._replace(attempt=number)
            if task.signature_uid(again) == row.uid:
                return item._replace(attempt=number + 1)
    return item
