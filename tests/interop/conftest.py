"""The PKI that is none of ours, and files signed by those in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.core.engine.kit import signed_at
from tests.support.files import real_file
from tests.support.independent_pki import NOW, SIGNED, IndependentPki


@pytest.fixture(scope="session")
def independent_pki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndependentPki]:
    with IndependentPki(tmp_path_factory.mktemp("independent")).serving() as pki:
        yield pki


@pytest.fixture
def independent(independent_pki: IndependentPki) -> IndependentPki:
    """The PKI as it is today, asked for nothing yet."""
    independent_pki.asked.clear()
    independent_pki.answers.clear()
    independent_pki.live_at(NOW)
    return independent_pki


@pytest.fixture(scope="session")
def signed_by(independent_pki: IndependentPki) -> Callable[[str], Path]:
    """A file that a signer of the independent PKI claims to have signed in June 2024."""

    @cache
    def signed_by(label: str) -> Path:
        path = independent_pki.folder / f"by-{label}.dcm"
        path.write_bytes(signed_at(real_file("MR_small.dcm").data, independent_pki.identity(label), SIGNED))
        return path

    return signed_by
