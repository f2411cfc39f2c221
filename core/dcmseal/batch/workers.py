"""Where work is done: in this process, in a pool of processes on this machine, or wherever a plugin's executor is."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dcmseal.plugins.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """Something that opens executors, and how many chunks of work one of them takes on at once."""

    open: Callable[[], AbstractContextManager[Executor]]
    """Called again if the executor breaks."""
    slots: Callable[[Executor], int]


def usable_processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def local_workers(jobs: int) -> Workers:
    """A pool of so many processes on this machine."""

    @contextmanager
    def open_pool() -> Generator[Executor]:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("forkserver"))
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)

    return Workers(open=open_pool, slots=lambda _: jobs)


def workers_named(text: str, jobs: int | None, registry: Registry) -> Workers:
    """The workers that ``NAME:ADDRESS`` means; raises PluginError or one of its kinds if there are none."""
    name, _, address = text.partition(":")
    executor = registry.batch_executor(name)
    return Workers(open=lambda: executor.open(address, jobs), slots=executor.slots)
