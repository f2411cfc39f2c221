"""Batch executors of plugins behind a guard: what they open is an executor, and no foreign error gets out."""

from __future__ import annotations

import re
from collections.abc import Generator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from dcmseal.errors import PluginBroken, PluginError
from dcmseal.plugins import answers
from dcmseal.plugins.answers import Origin
from dcmseal.plugins.executing import BatchExecutor

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{1,31}", re.ASCII)
_MAX_SLOTS: Final = 100_000


class GuardedExecutor:
    """A BatchExecutor whose answers are what they ought to be."""

    __slots__ = ("_blame", "_executor", "name", "summary")

    def __init__(self, executor: BatchExecutor, origin: Origin) -> None:
        """Raise PluginBroken if ``executor`` is none."""
        with answers.Guard(f"a batch executor of {origin}", PluginBroken):
            self.name = answers.check_name(executor.name, _NAME, "name")
            self.summary = answers.check_text(executor.summary, "summary")
            answers.check_methods(executor, "open", "slots")
        self._executor = executor
        self._blame = f"the batch executor {self.name} of {origin}"

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    @contextmanager
    def open(self, address: str, jobs: int | None) -> Generator[Executor]:
        """Open an executor; raises PluginError, or what the plugin raises of dcmseal's errors."""
        resources = ExitStack()
        with answers.Guard(self._blame, PluginError):
            opened = answers.check_instance(
                resources.enter_context(self._executor.open(address, jobs)), Executor, "open"
            )
        try:
            yield opened
        except BaseException:
            with suppress(PluginError):
                self._close(resources)
            raise
        self._close(resources)

    def slots(self, executor: Executor) -> int:
        """How many functions it works on at once: 1 at least."""
        with answers.Guard(self._blame, PluginError):
            return min(max(answers.check_instance(self._executor.slots(executor), int, "slots"), 1), _MAX_SLOTS)

    def _close(self, resources: ExitStack) -> None:
        with answers.Guard(self._blame, PluginError):
            resources.close()
