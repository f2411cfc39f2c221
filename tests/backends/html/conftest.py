"""Pages, and a browser that opens them in light and dark, without script, and on paper."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Literal, TypeAlias

import pytest

import dcmseal
from dcmseal.cli.main import main
from tests.bench.bench_dataset import EXPLICIT, write_file
from tests.bench.bench_documents import report
from tests.bench.common_modules import BenchContent
from tests.bench.functional_groups import enhanced_mr
from tests.support import builder as b
from tests.support.browser import browsing, find_browser
from tests.support.pki import Pki

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Scheme: TypeAlias = Literal["light", "dark"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; on CI its absence fails the test, elsewhere it skips it."""
    if find_browser() is None:
        hint = "there is no Chromium (sh tools/system_packages.sh installs it)"
        pytest.fail(hint) if os.environ.get("CI") else pytest.skip(hint)
    with browsing() as running:
        yield running


@dataclass(frozen=True)
class Opened:
    """A page in a window, with its console messages and requests."""

    page: Page
    said: list[str] = field(default_factory=list)
    """Messages of the console, and errors."""
    asked: list[str] = field(default_factory=list)
    """Addresses that the page asked for."""
    stopped: list[str] = field(default_factory=list)
    """Those that were not loaded."""

    def show_all(self) -> None:
        """Unfold everything."""
        self.page.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true })")


Open: TypeAlias = Callable[..., AbstractContextManager[Opened]]


@pytest.fixture(scope="session")
def opening(browser: Browser) -> Open:
    """Opens a page."""

    @contextmanager
    def opened(
        path: Path, scheme: Scheme = "light", *, script: bool = True, bypass_csp: bool = False, width: int = 1100
    ) -> Iterator[Opened]:
        context = browser.new_context(
            color_scheme=scheme,
            java_script_enabled=script,
            bypass_csp=bypass_csp,
            viewport={"width": width, "height": 900},
        )
        window = Opened(context.new_page())
        window.page.on("console", lambda message: window.said.append(message.text))
        window.page.on("pageerror", lambda error: window.said.append(str(error)))
        window.page.on("request", lambda request: window.asked.append(request.url))
        window.page.on("requestfailed", lambda request: window.stopped.append(request.url))
        window.page.goto(path.as_uri())
        try:
            yield window
        finally:
            context.close()

    return opened


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> Path:
    """Signed: an enhanced image of 1000 frames, a report of thousands of items, and small images, one broken."""
    made = tmp_path_factory.mktemp("html")
    key = f"pem:{pki['rsa2048'].key_pem}?cert={pki['rsa2048'].certificate_pem}"
    item = "PerFrameFunctionalGroupsSequence[3]"
    _write(made / "enhanced.dcm", enhanced_mr(1000)(Random(0)))
    dcmseal.sign(made / "enhanced.dcm", key=key, in_place=True, tags=["PlanePositionSequence"], location=item)
    tags = ["SOPInstanceUID", "PatientID", "PixelData", "SharedFunctionalGroupsSequence"]
    dcmseal.sign(made / "enhanced.dcm", key=key, in_place=True, tags=tags, purpose="verification")
    _write(made / "report.dcm", report(Random(0), 3200))
    dcmseal.sign(made / "report.dcm", key=key, in_place=True)
    image = b.image(b.Value(0x00090010, "LO", b"ACME"), b.Value(0x00091001, "UN", b"unknown "))
    dcmseal.sign(b.file(image), key=key, output=made / "image.dcm")
    (made / "broken.dcm").write_bytes((made / "image.dcm").read_bytes().replace(b"4711", b"4712", 1))
    return made


@pytest.fixture(scope="session")
def page_of(folder: Path, pki: Pki) -> Callable[..., Path]:
    """The page about files, made by the command line."""
    made: dict[tuple[str, ...], Path] = {}

    def page(*words: str) -> Path:
        if words not in made:
            path = folder / f"{len(made)}.html"
            arguments = [str(folder / word) if word.endswith(".dcm") else word for word in words]
            trust = [] if "--integrity-only" in words else ["--trust-anchor", str(pki["root"].certificate_pem)]
            main(["verify", *arguments, *trust, "--quiet", "--html", str(path)])
            made[words] = path
        return made[words]

    return page


def _write(path: Path, content: BenchContent) -> None:
    write_file(path, content.elements, EXPLICIT, content.pixels(EXPLICIT))
