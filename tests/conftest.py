"""Fixtures for all tests: throw-away keys, DCMTK; profiles for property tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.dcmsign import Dcmtk, find_dcmtk
from tests.support.pki import Pki
from tests.support.softhsm_token import SoftHsm

_COMMON = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
settings.register_profile("default", _COMMON, max_examples=40)
settings.register_profile("ci", _COMMON, max_examples=100, derandomize=True)
settings.register_profile("thorough", _COMMON, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default"))


def pytest_configure() -> None:
    # a shell that runs the tests in the background ignores SIGINT, and children would inherit that
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Throw-away identities, made when first asked for."""
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def dcmsign() -> Dcmtk:
    """DCMTK's dcmsign and dcmconv: the independent implementation."""
    return find_dcmtk()


@pytest.fixture(scope="session", autouse=True)
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    """SoftHSM with a folder of this process: for all tests, since the first to load the module decides for the rest."""
    hsm = SoftHsm(tmp_path_factory.mktemp("softhsm"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(hsm.configuration))
        yield hsm
