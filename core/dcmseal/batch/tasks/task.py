"""Tasks: what to do with each item. A task is a value that is sent to workers, and opened there once.

>>> VerifyTask().detail
<ResultDetail.VALUE: 'value'>
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.results import BatchResult
from dcmseal.batch.tasks.list_task import ListTask
from dcmseal.batch.tasks.plan_task import PlanTask
from dcmseal.batch.tasks.sign_task import SignTask
from dcmseal.batch.tasks.verify_task import VerifyTask

__all__ = ["ListTask", "PlanTask", "SignTask", "Task", "VerifyTask", "Worker"]


class Worker(Protocol):
    """An open task in a process; it processes items one after the other."""

    def run(self, item: InputFile) -> BatchResult:
        """Process an item; an error is a failed result. Raises nothing."""
        ...


class Task(Protocol):
    """What to do with items, as a value that can be pickled and keeps nothing open."""

    @property
    def preload_modules(self) -> tuple[str, ...]:
        """Names of modules that a worker imports; they are imported before processes are forked."""
        ...

    @property
    def output_folder(self) -> str | None:
        """The folder on this machine for results; None if nothing is written, or inputs are replaced."""
        ...

    def open(self) -> AbstractContextManager[Worker]:
        """Open the task; raises SealError if the request itself is invalid."""
        ...

    def remove_leftovers(self, item: InputFile) -> None:
        """Remove what a dead worker may have left of an item."""
        ...
