"""A cluster for all tests that do no harm to it, and files to send there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import dcmseal
from tests.support import builder as b
from tests.support.dask_cluster import Cluster
from tests.support.pki import PASSPHRASE, Pki

SECRET = "DCMSEAL_TEST_PASSPHRASE"
"""The environment variable of the workers, and of nobody else, with the passphrase."""


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler and two workers."""
    with Cluster(tmp_path_factory.mktemp("cluster"), environment={SECRET: PASSPHRASE}) as cluster:
        cluster.add_worker()
        cluster.add_worker()
        yield cluster


@pytest.fixture(scope="session")
def image() -> bytes:
    return b.file(b.image())


@pytest.fixture(scope="session")
def signed(image: bytes, pki: Pki) -> bytes:
    data = dcmseal.sign(image, key=f"pem:{pki['p256'].key_pem}?cert={pki['p256'].certificate_pem}").data
    assert data is not None
    return data


@pytest.fixture
def archive(tmp_path: Path, signed: bytes, image: bytes) -> Path:
    """Files of every verdict, more than go into one chunk."""
    folder = tmp_path / "archive"
    folder.mkdir()
    tampered = signed.replace(b"4711", b"4712", 1)
    kinds = {0: tampered, 1: image, 2: signed[:-100], 3: b"no DICOM file"}
    for number in range(300):
        (folder / f"{number:03}").write_bytes(kinds.get(number % 30, signed))
    return folder
