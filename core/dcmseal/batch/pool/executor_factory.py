"""Where work is done: in a pool of processes on this machine, or wherever a plugin's executor has its own.

>>> usable_processors() >= 1
True
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

    from dcmseal.batch.tasks.task import Task
    from dcmseal.plugins.registry import Registry

_PRELOADED_MODULES: Final = (
    "dcmseal.batch.pool.forkserver_preload",
    "concurrent.futures.process",
    "dcmseal.batch.pool.chunks",
)
"""What the server of processes imports first, whatever the task."""
CPU_QUOTA_FILE: Final = "/sys/fs/cgroup/cpu.max"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorFactory:
    """Something that opens executors, and how many chunks of work one of them takes on at once."""

    open: Callable[[Task], AbstractContextManager[Executor]]
    """Called with what is to be done, and again if the executor breaks."""
    slots: Callable[[Executor], int]


def make_process_pool(jobs: int) -> ExecutorFactory:
    """A pool of so many processes on this machine.

    The module that Python was started with is imported in each, so that a script has to keep what it does below
    ``if __name__ == "__main__"``.
    """

    @contextmanager
    def open_pool(task: Task) -> Generator[Executor]:
        context = start_forkserver(task)
        from concurrent.futures import ProcessPoolExecutor

        from dcmseal.batch.pool.worker_process import init_worker_process

        pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=init_worker_process)
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)

    return ExecutorFactory(open=open_pool, slots=lambda _: jobs)


def check_jobs(jobs: int | None) -> None:
    """Refuse a number of processes below 1; raises UsageError."""
    if jobs is not None and jobs < 1:
        raise UsageError(f"jobs must be at least 1, not {jobs}", hint="give the number of processes, or None")


def can_start_processes() -> bool:
    """Whether processes can begin as this one did: a program that came from standard input cannot be read again."""
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    return path is None or main.__spec__ is not None or os.path.exists(path)


def start_forkserver(task: Task) -> BaseContext:
    """Start the server that processes of a pool are forked of, if it does not run yet; it is not waited for.

    It imports what the task needs, and nothing else: no thread, lock or open file of this process gets into the forks.
    Without a fork server, as on Windows, each process starts from scratch and imports everything itself.
    """
    import multiprocessing

    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_PRELOADED_MODULES, type(task).__module__, *task.preload_modules])
    forkserver.ensure_running()
    return context


def parse_executor(text: str, jobs: int | None, registry: Registry) -> ExecutorFactory:
    """The workers that ``NAME:ADDRESS`` means; raises PluginError or one of its kinds if there are none."""
    name, _, address = text.partition(":")
    executor = registry.batch_executor(name)
    return ExecutorFactory(open=lambda _: executor.open(address, jobs), slots=executor.slots)


def usable_processors(quota_file: str = CPU_QUOTA_FILE) -> int:
    """Return how many processors this process may use, by its affinity and the quota of its container (cgroups v2)."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError), open(quota_file, encoding="ascii") as file:
        quota, period = map(int, file.read().split())
        processors = min(processors, max(1, round(quota / period)))
    return processors
