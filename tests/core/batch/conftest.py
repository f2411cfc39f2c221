"""Trees of signed and other files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import dcmseal
from tests.support import builder as b
from tests.support.pki import Pki


@pytest.fixture(scope="session")
def key(pki: Pki) -> str:
    """A key URI."""
    return f"pem:{pki['p256'].key_pem}?cert={pki['p256'].certificate_pem}"


@pytest.fixture(scope="session")
def image() -> bytes:
    return b.file(b.image())


@pytest.fixture(scope="session")
def signed(image: bytes, key: str) -> bytes:
    data = dcmseal.sign(image, key=key).data
    assert data is not None
    return data


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """Writes files by their path below a new folder."""

    def write(files: dict[str, bytes], name: str = "archive") -> Path:
        for path, data in files.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return tmp_path / name

    return write
