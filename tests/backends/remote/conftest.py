"""Storages on the loopback, and objects to put there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.core.cli.conftest import key, run, without_environment
from tests.support import builder as b
from tests.support.pki import Pki
from tests.support.s3_server import S3Server, s3_server
from tests.support.signed_files import sign_dataset

__all__ = ["key", "run", "without_environment"]
MEGABYTE = 1 << 20


@pytest.fixture(scope="session")
def _s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def s3(_s3: S3Server) -> S3Server:
    _s3.forget()
    return _s3


@pytest.fixture(scope="session")
def image() -> bytes:
    """An image without signature."""
    return b.file(b.image())


@pytest.fixture(scope="session")
def small(image: bytes, pki: Pki) -> bytes:
    """A signed image of less than a range."""
    return sign_dataset(image, pki["p256"])


@pytest.fixture(scope="session")
def medium(pki: Pki) -> bytes:
    """A signed image of a few ranges."""
    return sign_dataset(b.file(b.image(pixels=bytes(range(256)) * 8192)), pki["p256"])


@pytest.fixture(scope="session")
def large(pki: Pki) -> bytes:
    """A signed image of 40 MB."""
    pixels = bytes(range(256)) * (40 * MEGABYTE // 256)
    return sign_dataset(b.file(b.image(pixels=pixels)), pki["p256"])
