"""The state of a signature after a run died: the signature is in its place, or was not made."""

from __future__ import annotations

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.intact_signature import find_intact_signature
from dcmseal.batch.journal.journal_store import RecordedResult
from dcmseal.batch.tasks.task import SignTask, Task


def is_signed_in_place(task: Task, item: InputFile, row: RecordedResult) -> bool:
    """Whether the journal contains a signature that was made in the file itself."""
    return bool(row.uid) and isinstance(task, SignTask) and task.placement.target_path(item) == item.source


def is_signature_intact(task: Task, item: InputFile, row: RecordedResult) -> bool:
    """Whether a file that was signed in place still has its signature, and the signed data is unchanged."""
    return is_signed_in_place(task, item, row) and find_intact_signature(item.source, row.uid) is not None


def with_new_uid(task: Task, item: InputFile, row: RecordedResult) -> InputFile:
    """Return the item with an attempt number whose signature UID is new."""
    if isinstance(task, SignTask) and row.uid:
        for number in range(1 << 16):
            again = item._replace(attempt=number)
            if task.signature_uid(again) == row.uid:
                return item._replace(attempt=number + 1)
    return item
