"""Executors: a pool of processes on this machine, or the workers of a plugin.

>>> usable_processors() >= 1
True
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Final

from msgspec import Struct

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
"""Modules that the fork server imports first, for any task."""
CPU_QUOTA_FILE: Final = "/sys/fs/cgroup/cpu.max"


class ExecutorFactory(Struct, frozen=True, kw_only=True):
    """Opens executors, and says how many chunks of work an executor processes at once."""

    open: Callable[[Task], AbstractContextManager[Executor]]
    """Opens an executor for a task; called again if the executor breaks."""
    slots: Callable[[Executor], int]


def make_process_pool(jobs: int) -> ExecutorFactory:
    """Return a pool of processes on this machine.

    Each process imports the module with which Python was started, so a script has to protect its work with
    ``if __name__ == "__main__"``.

    Args:
        jobs: The number of processes.
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
    """Whether processes can start like this one did; a program from standard input cannot be read again."""
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    return path is None or main.__spec__ is not None or os.path.exists(path)


def start_forkserver(task: Task) -> BaseContext:
    """Start the server from which the processes of a pool are forked, if it is not running; do not wait for it.

    It imports what the task needs and nothing else, so that the forks inherit no thread, lock or open file. Without a
    fork server, as on Windows, each process starts from scratch and imports everything itself.
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
    """Parse ``NAME:ADDRESS`` to an executor of a plugin.

    Args:
        text: The name of the executor, and its address.
        jobs: The number of processes; None for the default of the executor.
        registry: The plugins.

    Raises:
        PluginError: No plugin provides the executor.
    """
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
