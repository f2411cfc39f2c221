"""Dask clusters that lose workers to deadly files, as many as the scheduler allows by default, or the scheduler."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.pool.executor_factory import ExecutorFactory
from dcmseal.batch.pool.runner import run_task
from dcmseal.errors import PluginError
from dcmseal_dask.cluster import DaskCluster
from tests.core.batch.crashing_task import CrashingTask
from tests.support.dask_deaths import deadly_cluster, run_with_deaths


@pytest.mark.parametrize(("workers", "nannies"), [(2, "--nanny"), (25, "--no-nanny")])
def test_two_files_far_apart_cost_at_most_twelve_workers_each(tmp_path: Path, workers: int, nannies: str) -> None:
    deadly = {"5", "93"}
    with deadly_cluster(tmp_path, workers=workers, nannies=nannies == "--nanny", allowed_failures=3) as cluster:
        outcome = run_with_deaths(cluster, tmp_path, deadly)
    outcome.check(deadly)
    assert outcome.deaths <= 24


def test_a_scheduler_that_does_not_come_back_is_named(tmp_path: Path) -> None:
    dask = DaskCluster(timeout=5)
    items = (InputFile(source=str(number), relative=str(number)) for number in range(10_000))
    with deadly_cluster(tmp_path, workers=1, nannies=False, allowed_failures=3) as cluster:
        workers = ExecutorFactory(open=lambda _: dask.open(cluster.address, None), slots=dask.slots)
        with closing(run_task(items, CrashingTask(log=str(tmp_path / "tidied")), executor=workers)) as results:
            next(results)
            cluster.kill_scheduler()
            with pytest.raises(PluginError, match="cannot be reached"):
                list(results)
