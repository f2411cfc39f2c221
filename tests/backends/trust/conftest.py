"""Fixtures of trust: a site, the authority that it trusts, and a responder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.trust.trust_pki import PkiAuthority, Site, make_root
from tests.support.responder import Responder, serving


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="session")
def ca() -> PkiAuthority:
    return make_root()


@pytest.fixture
def responder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Responder]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(Responder()) as running:
        yield running
