"""Signing on a Dask cluster: keys are opened by the workers, and their passphrases never travel."""

from __future__ import annotations

import os
import pickle
import uuid
from pathlib import Path

import dcmseal
from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.pool.executor_factory import parse_executor
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.tasks.sign_task import Placement
from dcmseal.batch.tasks.task import SignTask
from dcmseal.config.pin_source import PinSource
from dcmseal.plugins.registry import installed_registry
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
    workers = parse_executor(f"dask:{cluster.address}", None, installed_registry())
    results = list(run_task(iter_inputs([str(folder)]), task, executor=workers))
    assert [each.verdict for each in results] == ["signed"] * 100, results[0].reason
    verified = dcmseal.verify_many([tmp_path / "signed"], integrity_only=True, jobs=1)
    assert [each.verdict for each in verified] == ["valid"] * 100
    assert all(len(dcmseal.signatures(each.output)) == 1 for each in results)
    assert PASSPHRASE not in cluster.log()
