"""Signing on a Dask cluster: keys are opened by the workers, and their passphrases never travel."""

from __future__ import annotations

import os
import pickle
import uuid
from pathlib import Path

import dcmseal
from dcmseal.batch.finding import instances
from dcmseal.batch.running import run
from dcmseal.batch.sign_task import Placement
from dcmseal.batch.tasks import SignTask
from dcmseal.batch.workers import workers_named
from dcmseal.config.pins import PinSource
from dcmseal.plugins.registry import installed
from tests.backends.dask.conftest import SECRET
from tests.support.dask_cluster import Cluster
from tests.support.pki import PASSPHRASE, Pki


def test_workers_sign_with_a_passphrase_of_their_own(cluster: Cluster, tmp_path: Path, image: bytes, pki: Pki) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(100):
        (folder / f"{number}.dcm").write_bytes(image)
    identity = pki["rsa2048"]
    task = SignTask(
        run_id=str(uuid.uuid4()),
        placement=Placement(folder=str(tmp_path / "signed")),
        key=f"pem:{identity.encrypted_key_pem}?cert={identity.certificate_pem}",
        pin=PinSource.parse(f"env:{SECRET}"),
    )
    assert SECRET not in os.environ
    assert PASSPHRASE.encode() not in pickle.dumps(task)
    workers = workers_named(f"dask:{cluster.address}", None, installed())
    results = list(run(instances([str(folder)]), task, executor=workers))
    assert [each.verdict for each in results] == ["signed"] * 100, results[0].reason
    verified = dcmseal.verify_many([tmp_path / "signed"], integrity_only=True, jobs=1)
    assert [each.verdict for each in verified] == ["valid"] * 100
    assert all(len(dcmseal.signatures(each.output)) == 1 for each in results)
    assert PASSPHRASE not in cluster.log()
