"""Many files on a Dask cluster of processes: the same results as in one process, even if parts of it go away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import dcmseal
from dcmseal.batch.results import BatchResult
from tests.support.dask_cluster import Cluster


def _summarize(results: Iterator[BatchResult]) -> list[tuple[str, str, str]]:
    return [(each.input.source, each.verdict, each.reason) for each in results]


def test_the_results_are_those_of_this_machine(cluster: Cluster, archive: Path) -> None:
    there = list(dcmseal.verify_many([archive], integrity_only=True, executor=f"dask:{cluster.address}"))
    here = list(dcmseal.verify_many([archive], integrity_only=True, jobs=1))
    assert [each.to_document() for each in there] == [each.to_document() for each in here]
    assert {each.verdict for each in here} == {"valid", "invalid", "no-signature", "failed"}


def _kill_worker(cluster: Cluster) -> None:
    cluster.workers[0].kill()


def _restart_scheduler(cluster: Cluster) -> None:
    cluster.kill_scheduler()
    time.sleep(0.5)  # long enough for the client to see that it is gone
    cluster.start_scheduler()
    cluster.add_worker()


@pytest.mark.parametrize("harm", [_kill_worker, _restart_scheduler], ids=["worker", "scheduler"])
def test_nothing_is_lost_when_a_part_of_the_cluster_goes_away(
    tmp_path: Path, archive: Path, harm: Callable[[Cluster], None]
) -> None:
    folder = tmp_path / "cluster"
    folder.mkdir()
    with Cluster(folder) as cluster:
        cluster.add_worker()
        cluster.add_worker()
        results = dcmseal.verify_many([archive], integrity_only=True, executor=f"dask:{cluster.address}")
        first = next(results)
        harm(cluster)
        there = [(first.input.source, first.verdict, first.reason), *_summarize(results)]
    assert there == _summarize(dcmseal.verify_many([archive], integrity_only=True, jobs=1))
