"""Tasks: what is to be done with each item. A task is a value that goes to a worker, and is opened there once.

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
    """A task made ready in a process; it serves any number of items, one after the other."""

    def run(self, item: InputFile) -> BatchResult:
        """Work on an item; whatever is wrong with that is a result that failed. Raises nothing."""
        ...


class Task(Protocol):
    """What is to be done, as values: it can be pickled, and holds nothing that is open."""

    @property
    def preload_modules(self) -> tuple[str, ...]:
        """Names of modules that its worker imports sooner or later: they are there before processes are forked."""
        ...

    @property
    def output_folder(self) -> str | None:
        """The folder on this machine that results go to; None if none are written, or in the place of the input."""
        ...

    def open(self) -> AbstractContextManager[Worker]:
        """Make it ready; raises SealError or one of its kinds for what is wrong with the request itself."""
        ...

    def remove_leftovers(self, item: InputFile) -> None:
        """Remove what a worker that died may have left behind of an item."""
        ...
