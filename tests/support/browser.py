"""Chromium without a screen, from the system, for pages that people read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_APPLICATIONS: Final = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def find_browser() -> str | None:
    """The program, or None."""
    found = (shutil.which(name) for name in _NAMES)
    return next((path for path in (*found, *_APPLICATIONS) if path and Path(path).exists()), None)


@contextmanager
def browsing() -> Iterator[Browser]:
    """The browser, for as long as the context lasts."""
    from playwright.sync_api import sync_playwright

    program = find_browser()
    if program is None:
        raise FileNotFoundError("there is no Chromium: sh tools/system_packages.sh installs it")
    with sync_playwright() as playwright:
        # without its sandbox, because the tests may run as root; the pages are our own
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()
