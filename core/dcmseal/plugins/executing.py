"""What a plugin for work beyond this process implements: executors, as ``concurrent.futures`` has them.

>>> from dcmseal.plugins.executing import BatchExecutor
>>> sorted(name for name in dir(BatchExecutor) if not name.startswith("_"))
['name', 'open', 'slots', 'summary']
"""

from __future__ import annotations

from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Protocol


class BatchExecutor(Protocol):
    """Opens executors of one kind, each found by ``NAME:ADDRESS``.

    Work is submitted as functions of dcmseal with values that can be pickled; the same version of dcmseal has to be
    installed where it is done.
    """

    @property
    def name(self) -> str: ...
    @property
    def summary(self) -> str: ...

    def open(self, address: str, jobs: int | None) -> AbstractContextManager[Executor]:
        """Open an executor, with so many workers if that can be chosen; raises SealError or one of its kinds.

        When a worker dies, the future of what it did fails, with BrokenExecutor if the executor is then of no use: it
        is closed, and another one opened. Its end cancels what has not begun, and waits for what has.
        """
        ...

    def slots(self, executor: Executor) -> int:
        """How many submitted functions an open executor works on at once, as far as is known."""
        ...
