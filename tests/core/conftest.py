"""Fixtures that the tests of several packages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.references.reference_study import FIRST, SECOND, ReferenceStudy
from tests.support import builder as b
from tests.support.pki import Pki
from tests.support.signed_files import sign_dataset
from tests.support.tsa import RunningAuthority, TimestampAuthority


@pytest.fixture
def study(tmp_path: Path, pki: Pki) -> ReferenceStudy:
    """One instance without a signature, and one with."""
    study = ReferenceStudy(tmp_path / "study", pki)
    study.put("first.dcm", b.file(b.image(instance=FIRST)))
    study.put("below/second.dcm", sign_dataset(b.file(b.image(instance=SECOND)), pki["p256"]))
    return study


@pytest.fixture(scope="session")
def authority(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> TimestampAuthority:
    return TimestampAuthority(pki, tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def served(authority: TimestampAuthority) -> Iterator[RunningAuthority]:
    with authority.serving() as served:
        yield served


@pytest.fixture(scope="session")
def plain() -> bytes:
    """An unsigned file."""
    return b.file(b.image())
