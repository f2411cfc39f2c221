"""Runs on a Dask cluster over items, some of which kill each process that handles them."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Final

from distributed import Client

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.pool.executor_factory import ExecutorFactory
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.results import BatchResult
from dcmseal.batch.tasks.task import Task
from dcmseal.errors import ProcessDied
from dcmseal_dask.resilient_executor import ResilientExecutor
from tests.core.batch.crashing_task import CrashingTask
from tests.support.dask_cluster import Cluster

CHUNK: Final = 8
_STARTING: Final = 60
_LONGEST: Final = 120
_ITEMS: Final = tuple(InputFile(source=str(number), relative=str(number)) for number in range(100))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """The results of a run."""

    results: list[BatchResult]
    cleaned_up: Counter[str]
    """How often each item was tidied up after."""
    deaths: int
    """Workers that the scheduler has lost by now."""

    def check(self, deadly: set[str]) -> None:
        """One result for each item, in order, and those that failed are the deadly ones."""
        assert [each.input.source for each in self.results] == [each.source for each in _ITEMS]
        failed = {each.input.source: each.error for each in self.results if each.verdict == "failed"}
        assert set(failed) == deadly
        assert all(isinstance(error, ProcessDied) for error in failed.values())


@contextmanager
def deadly_cluster(
    folder: Path, *, workers: int, nannies: bool, allowed_failures: int, **settings: str
) -> Iterator[Cluster]:
    """A cluster that can run the deadly task; further settings are the scheduler's."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(allowed_failures),
        **{f"DASK_DISTRIBUTED__SCHEDULER__{name.upper()}": value for name, value in settings.items()},
    }
    with Cluster(folder, environment=environment) as cluster:
        for _ in range(workers):
            cluster.add_worker("--nanny" if nannies else "--no-nanny")
        with Client(cluster.address, set_as_default=False, timeout=_STARTING) as client:
            client.wait_for_workers(workers, timeout=_STARTING)
        yield cluster


def run_with_deaths(cluster: Cluster, folder: Path, deadly: set[str], *, patience: float = 30) -> RunOutcome:
    """Run over 100 items; raises what the run does."""

    @contextmanager
    def open_client(_: Task) -> Iterator[Executor]:
        with Client(cluster.address, set_as_default=False, timeout=_STARTING) as client:
            executor = ResilientExecutor(client, patience)
            yield executor
            executor.shutdown(cancel_futures=True)

    log = folder / "tidied"
    log.touch()
    workers = ExecutorFactory(open=open_client, slots=lambda _: 4)
    task = CrashingTask(crashing=frozenset(deadly), log=str(log))
    end = Timer(_LONGEST, cluster.kill_scheduler)  # a run that hangs fails
    end.start()
    try:
        results = list(run_task(_ITEMS, task, executor=workers, chunk=CHUNK))
    finally:
        end.cancel()
    deaths = len(re.findall("Remove worker addr", cluster.log()))
    return RunOutcome(results=results, cleaned_up=Counter(log.read_text().split()), deaths=deaths)
