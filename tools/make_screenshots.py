"""Writes the pictures of the HTML report that the documentation shows: python tools/make_screenshots.py.

It needs Chromium, and shows the files of ``dcmseal demo``.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from dcmseal.cli.main import main
from tests.support.browser import browsing

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "images"
LARGEST: Final = 150_000
"""Bytes of a picture."""
_WIDTH: Final = 960
_HEIGHT: Final = 720


def pictures() -> None:
    """The beginning of a report in light, and of its map in dark."""
    with TemporaryDirectory() as folder, browsing() as browser:
        demo = Path(folder) / "demo"
        page = Path(folder) / "report.html"
        main(["demo", str(demo), "--json"])
        arguments = ["--trust-anchor", str(demo / "authority.cert.pem"), "--html", str(page), "--quiet"]
        main(["verify", str(demo / "signed-in-part.dcm"), *arguments])
        # the path of the temporary folder is of no interest
        page.write_text(page.read_text("utf-8").replace(f"{demo}/", ""), "utf-8")
        for scheme, heading in (("light", ""), ("dark", "Every element")):
            context = browser.new_context(
                color_scheme="light" if scheme == "light" else "dark", viewport={"width": _WIDTH, "height": _HEIGHT}
            )
            _picture(context.new_page(), page, heading, FOLDER / f"report-{scheme}.png")
            context.close()


def _picture(window: Page, page: Path, heading: str, target: Path) -> None:
    window.goto(page.as_uri())
    if heading:
        window.get_by_role("heading", name=heading, exact=True).evaluate("it => it.scrollIntoView()")
    target.parent.mkdir(exist_ok=True)
    window.screenshot(path=target)
    if target.stat().st_size > LARGEST:
        raise SystemExit(f"{target} is larger than {LARGEST} bytes")


if __name__ == "__main__":
    pictures()
