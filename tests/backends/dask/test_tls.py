"""A Dask cluster that is reached by TLS, as Dask's own configuration says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dask import config

import dcmseal
from dcmseal.errors import PluginError
from dcmseal_dask.cluster import DaskCluster
from tests.support.dask_cluster import Cluster
from tests.support.pki import Pki
from tests.support.slow_server import DRIPS, HANDSHAKE, Drip, serve_slowly


@pytest.fixture
def certified(pki: Pki) -> Iterator[dict[str, str]]:
    """Options of Dask's commands; the same for the client, in Dask's configuration."""
    identity = pki["p256"]
    files = {
        "ca-file": str(pki["root"].certificate_pem),
        "cert": str(identity.certificate_pem),
        "key": str(identity.key_pem),
    }
    tls = "distributed.comm.tls"
    client = {f"{tls}.client.{name}": files[name] for name in ("cert", "key")}
    with config.set({f"{tls}.ca-file": files["ca-file"], **client, "distributed.comm.require-encryption": True}):
        yield files


def test_files_are_verified_by_tls(tmp_path: Path, archive: Path, certified: dict[str, str]) -> None:
    options = [word for name, file in certified.items() for word in (f"--tls-{name}", file)]
    with Cluster(tmp_path, options=options, protocol="tls") as cluster:
        cluster.add_worker()
        results = dcmseal.verify_many([archive], integrity_only=True, executor=f"dask:{cluster.address}")
        assert sum(each.verdict == "valid" for each in results) == 260
        with pytest.raises(PluginError), DaskCluster(timeout=2).open(cluster.address.replace("tls:", "tcp:"), None):
            pass


@pytest.mark.parametrize("greeting", [DRIPS["silence"], HANDSHAKE])
@pytest.mark.usefixtures("certified")
def test_a_handshake_that_does_not_end_is_not_waited_for(greeting: Drip) -> None:
    started = time.monotonic()
    with (
        serve_slowly(greeting) as port,
        pytest.raises(PluginError, match=r"did not respond within 1 s|cannot be reached"),
        DaskCluster(timeout=1).open(f"tls://127.0.0.1:{port}", None),
    ):
        pass
    assert time.monotonic() - started < 60
