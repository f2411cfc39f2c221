"""The interface of plugins that run work outside this process, as executors of ``concurrent.futures``.

>>> from dcmseal.plugins.executor import BatchExecutor
>>> sorted(name for name in dir(BatchExecutor) if not name.startswith("_"))
['name', 'open', 'slots', 'summary']
"""

from __future__ import annotations

import re
from collections.abc import Generator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol

from dcmseal.errors import PluginBroken, PluginError
from dcmseal.plugins import guard
from dcmseal.plugins.guard import Guard, Origin, guarded_context


class BatchExecutor(Protocol):
    """Opens executors of one kind, which users select with ``NAME:ADDRESS``.

    dcmseal submits its own functions, with arguments that can be pickled, so workers need the same version of dcmseal.
    """

    @property
    def name(self) -> str:
        """The part before the colon in ``NAME:ADDRESS``."""
        ...

    @property
    def summary(self) -> str:
        """One line for the list of plugins."""
        ...

    def open(self, address: str, jobs: int | None) -> AbstractContextManager[Executor]:
        """Open an executor.

        If a worker dies, its futures have to fail, with BrokenExecutor if the executor cannot be used any more: then
        dcmseal closes it and opens another one.

        Args:
            address: The part after the colon in ``NAME:ADDRESS``.
            jobs: The number of workers that the user asked for, if any; ignore it if you cannot choose.

        Returns:
            A context; at its end, it cancels work that has not begun and waits for the rest.

        Raises:
            SealError: The executor cannot be opened.
        """
        ...

    def slots(self, executor: Executor) -> int:
        """The number of submitted functions that an open executor runs at once, as far as it is known."""
        ...


_NAME: Final = re.compile(r"[a-z][a-z0-9-]{1,31}", re.ASCII)
_MAX_SLOTS: Final = 100_000


class GuardedExecutor:
    """A BatchExecutor that checks what the plugin returns, and raises errors of dcmseal only."""

    __slots__ = ("_blame", "_executor", "_guard", "name", "summary")

    def __init__(self, executor: BatchExecutor, origin: Origin) -> None:
        with Guard(f"a batch executor of {origin}", PluginBroken):
            self.name = guard.check_name(executor.name, _NAME, "name")
            self.summary = guard.check_text(executor.summary, "summary")
            guard.check_methods(executor, "open", "slots")
        self._executor = executor
        self._blame = f"the batch executor {self.name} of {origin}"
        self._guard = Guard(self._blame, PluginError)

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    @contextmanager
    def open(self, address: str, jobs: int | None) -> Generator[Executor]:
        with guarded_context(self._guard, lambda: self._executor.open(address, jobs)) as executor:
            with self._guard:
                guard.check_instance(executor, Executor, "open")
            yield executor

    def slots(self, executor: Executor) -> int:
        with self._guard:
            return min(max(guard.check_instance(self._executor.slots(executor), int, "slots"), 1), _MAX_SLOTS)
