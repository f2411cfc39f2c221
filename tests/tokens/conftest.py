"""Fixtures for tests with tokens: each kind is started once, and the results are recorded."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from typing import Final

import pytest

from tests.support.pki import Pki
from tests.tokens.programs import NotReady
from tests.tokens.token_device import TokenDevice, TokenKind
from tests.tokens.token_results import Results

_BENCH: Final = pytest.StashKey["Bench"]()


class Bench:
    """The tokens that tests have asked for so far, and the results."""

    def __init__(self) -> None:
        self.results: dict[str, Results] = {}
        self._devices: dict[str, TokenDevice | NotReady] = {}

    def device(self, kind: TokenKind, stack: ExitStack, factory: pytest.TempPathFactory, pki: Pki) -> TokenDevice:
        """The token, brought up if it is the first time; raises NotReady."""
        if kind.name not in self._devices:
            try:
                found = stack.enter_context(kind.ready(factory.mktemp("token") / str(kind), pki))
                patch = stack.enter_context(pytest.MonkeyPatch.context())
                for name, value in found.environment.items():
                    patch.setenv(name, value)
                self._devices[kind.name] = found
                self.results[kind.name] = Results.for_kind(kind)
            except NotReady as error:
                self._devices[kind.name] = error
        device = self._devices[kind.name]
        if isinstance(device, NotReady):
            raise device
        return device


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_BENCH] = Bench()


@pytest.fixture(scope="session")
def powered(request: pytest.FixtureRequest) -> Generator[ExitStack]:
    """Stops all tokens after their results are written."""
    with ExitStack() as stack:
        yield stack
        for results in request.config.stash[_BENCH].results.values():
            results.write()


@pytest.fixture
def device(
    kind: TokenKind,
    powered: ExitStack,
    tmp_path_factory: pytest.TempPathFactory,
    pki: Pki,
    request: pytest.FixtureRequest,
) -> TokenDevice:
    """A token of the kind that the test names, ready."""
    return request.config.stash[_BENCH].device(kind, powered, tmp_path_factory, pki)


@pytest.fixture
def results(kind: TokenKind, device: TokenDevice, request: pytest.FixtureRequest) -> Results:  # noqa: ARG001 - the device creates the results
    """The results that tests record."""
    return request.config.stash[_BENCH].results[kind.name]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    values = getattr(getattr(item, "callspec", None), "params", {})
    if report.when == "call" and "TestContract" in item.nodeid and "kind" in values:
        item.config.stash[_BENCH].results[values["kind"].name].record_test(values["key"], report.outcome)
    return report
