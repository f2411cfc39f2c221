"""Unusable clusters: each is an error with a hint."""

from __future__ import annotations

import time
from concurrent.futures import BrokenExecutor
from pathlib import Path

import pytest

from dcmseal.errors import PluginError, UsageError
from dcmseal_dask.cluster import DaskCluster
from tests.support.dask_cluster import Cluster
from tests.support.slow_server import HANDSHAKE, Drip, serve_slowly

BOUND = 60.0
"""Far more than it takes, and far less than Dask would wait by itself."""


@pytest.mark.parametrize("address", ["", "localhost:8786", "http://127.0.0.1:8786", "/no/such/scheduler.json"])
def test_an_invalid_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError) as caught, DaskCluster().open(address, None):
        pass
    assert caught.value.hint


def test_a_scheduler_that_is_not_there_is_named() -> None:
    with (
        pytest.raises(PluginError, match=r"scheduler at tcp://127\.0\.0\.1:9 cannot be reached") as caught,
        DaskCluster(timeout=1).open("tcp://127.0.0.1:9", None),
    ):
        pass
    assert "address" in caught.value.hint


@pytest.mark.parametrize("greeting", [Drip(b"", b""), Drip(b"", b"\0"), HANDSHAKE])
def test_a_silent_scheduler_times_out(greeting: Drip) -> None:
    """A firewall, another service, or a hostile host; nor one that begins an answer without end."""
    started = time.monotonic()
    with (
        serve_slowly(greeting) as port,
        pytest.raises(PluginError, match=r"did not respond within 1 s|cannot be reached") as caught,
        DaskCluster(timeout=1).open(f"tcp://127.0.0.1:{port}", None),
    ):
        pass
    assert time.monotonic() - started < BOUND
    assert "address" in caught.value.hint


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.9\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 64])
def test_a_service_of_another_kind_is_an_error(greeting: bytes) -> None:
    with (
        serve_slowly(Drip(greeting, greeting)) as port,
        pytest.raises(PluginError, match=r"cannot be reached|does not answer"),
        DaskCluster(timeout=1).open(f"tcp://127.0.0.1:{port}", None),
    ):
        pass


def test_a_scheduler_that_falls_silent_ends_the_run(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        cluster.add_worker()
        with DaskCluster(timeout=15).open(cluster.address, None) as executor:
            assert executor.submit(abs, -1).result(timeout=BOUND) == 1
        with DaskCluster(timeout=2).open(cluster.address, None) as executor:
            cluster.stop_scheduler()
            started = time.monotonic()
            answers = [executor.submit(abs, -number) for number in range(20)]
            for each in answers:
                with pytest.raises((PluginError, BrokenExecutor)):
                    each.result(timeout=BOUND)
    assert time.monotonic() - started < BOUND


def test_a_cluster_without_workers_is_not_waited_for_in_vain(tmp_path: Path) -> None:
    with (
        Cluster(tmp_path) as cluster,
        pytest.raises(PluginError, match="has no worker") as caught,
        DaskCluster(timeout=1).open(cluster.address, None),
    ):
        pass
    assert caught.value.hint == f"start some: dask worker {cluster.address}"


@pytest.mark.parametrize(
    ("preload", "problem"),
    [
        ("import dcmseal_dask.cluster as v; v.__version__ = '0.0.7'", r"dcmseal 0\.0\.7 instead of"),
        ("import sys; sys.modules['dcmseal_dask'] = None", "no usable dcmseal"),
    ],
)
def test_workers_with_another_version_are_refused(tmp_path: Path, preload: str, problem: str) -> None:
    with Cluster(tmp_path) as cluster:
        cluster.add_worker("--preload", preload)
        with pytest.raises(PluginError, match=problem) as caught, DaskCluster().open(cluster.address, None):
            pass
    assert "pip install" in caught.value.hint
