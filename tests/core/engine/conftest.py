"""Fixtures that several modules of the engine's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.engine.kit import signed
from tests.core.engine.study import FIRST, SECOND, Study
from tests.support.builder import file, image
from tests.support.pki import Pki
from tests.support.tsa import Authority, Serving


@pytest.fixture
def study(tmp_path: Path, pki: Pki) -> Study:
    """One instance without a signature, and one with."""
    study = Study(tmp_path / "study", pki)
    study.put("first.dcm", file(image(instance=FIRST)))
    study.put("below/second.dcm", signed(file(image(instance=SECOND)), pki["p256"]))
    return study


@pytest.fixture(scope="session")
def authority(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(pki, tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def served(authority: Authority) -> Iterator[Serving]:
    with authority.serving() as served:
        yield served


@pytest.fixture(scope="session")
def plain() -> bytes:
    """A file that nobody has signed."""
    return file(image())
