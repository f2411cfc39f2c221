"""Clusters that cannot be worked with: each is an error that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmseal.errors import PluginError, UsageError
from dcmseal_dask.cluster import DaskCluster
from tests.support.dask_cluster import Cluster


@pytest.mark.parametrize("address", ["", "localhost:8786", "http://127.0.0.1:8786", "/no/such/scheduler.json"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError) as caught, DaskCluster().open(address, None):
        pass
    assert caught.value.hint


def test_a_scheduler_that_is_not_there_is_named() -> None:
    with (
        pytest.raises(PluginError, match=r"scheduler at tcp://127\.0\.0\.1:9 cannot be reached") as caught,
        DaskCluster(reaching=1).open("tcp://127.0.0.1:9", None),
    ):
        pass
    assert "address" in caught.value.hint


def test_a_cluster_without_workers_is_not_waited_for_in_vain(tmp_path: Path) -> None:
    with (
        Cluster(tmp_path) as cluster,
        pytest.raises(PluginError, match="has no worker") as caught,
        DaskCluster(reaching=1).open(cluster.address, None),
    ):
        pass
    assert caught.value.hint == f"start some: dask worker {cluster.address}"


@pytest.mark.parametrize(
    ("preload", "problem"),
    [
        ("import dcmseal_dask.versions as v; v.__version__ = '0.0.7'", r"dcmseal 0\.0\.7 instead of"),
        ("import sys; sys.modules['dcmseal_dask'] = None", "no dcmseal that can be used"),
    ],
)
def test_workers_with_another_version_are_refused(tmp_path: Path, preload: str, problem: str) -> None:
    with Cluster(tmp_path) as cluster:
        cluster.add_worker("--preload", preload)
        with pytest.raises(PluginError, match=problem) as caught, DaskCluster().open(cluster.address, None):
            pass
    assert "pip install" in caught.value.hint
