"""What a plugin for work beyond this process implements: executors, as ``concurrent.futures`` has them.

>>> from dcmseal.plugins.executor import BatchExecutor
>>> sorted(name for name in dir(BatchExecutor) if not name.startswith("_"))
['name', 'open', 'slots', 'summary']
"""

from __future__ import annotations

import re
from collections.abc import Generator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Final, Protocol

from dcmseal.errors import PluginBroken, PluginError
from dcmseal.plugins import guard
from dcmseal.plugins.guard import Origin


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


_NAME: Final = re.compile(r"[a-z][a-z0-9-]{1,31}", re.ASCII)
_MAX_SLOTS: Final = 100_000


class GuardedExecutor:
    """A BatchExecutor whose answers are what they ought to be."""

    __slots__ = ("_blame", "_executor", "name", "summary")

    def __init__(self, executor: BatchExecutor, origin: Origin) -> None:
        """Raise PluginBroken if ``executor`` is none."""
        with guard.Guard(f"a batch executor of {origin}", PluginBroken):
            self.name = guard.check_name(executor.name, _NAME, "name")
            self.summary = guard.check_text(executor.summary, "summary")
            guard.check_methods(executor, "open", "slots")
        self._executor = executor
        self._blame = f"the batch executor {self.name} of {origin}"

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    @contextmanager
    def open(self, address: str, jobs: int | None) -> Generator[Executor]:
        """Open an executor; raises PluginError, or what the plugin raises of dcmseal's errors."""
        resources = ExitStack()
        with guard.Guard(self._blame, PluginError):
            opened = guard.check_instance(resources.enter_context(self._executor.open(address, jobs)), Executor, "open")
        try:
            yield opened
        except BaseException:
            with suppress(PluginError):
                self._close(resources)
            raise
        self._close(resources)

    def slots(self, executor: Executor) -> int:
        """How many functions it works on at once: 1 at least."""
        with guard.Guard(self._blame, PluginError):
            return min(max(guard.check_instance(self._executor.slots(executor), int, "slots"), 1), _MAX_SLOTS)

    def _close(self, resources: ExitStack) -> None:
        with guard.Guard(self._blame, PluginError):
            resources.close()
