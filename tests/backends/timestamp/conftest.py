"""Fixtures of timestamps: an authority, and a token of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.backends.timestamp.token_checks import ACCURACY, VALUE
from tests.support.pki import Pki
from tests.support.tsa import NOW, TimestampAuthority


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return lambda: tmp_path_factory.mktemp("tsa")


@pytest.fixture(scope="session")
def authority(pki: Pki, folders: Callable[[], Path]) -> TimestampAuthority:
    return TimestampAuthority(pki, folders())


@pytest.fixture(scope="session")
def token(authority: TimestampAuthority) -> bytes:
    """One and the same for all examples of a property."""
    return authority.token(VALUE, moment=NOW, accuracy=ACCURACY, nonce=4711)
