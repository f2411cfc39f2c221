"""Fixtures of trust: a site, and the authority that it trusts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backends.trust.authority import Authority, Site, root


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="session")
def ca() -> Authority:
    return root()
