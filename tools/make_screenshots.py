"""Write the screenshots of HTML reports in the documentation: PYTHONPATH=. python tools/make_screenshots.py.

This needs Chromium, and uses the files of ``dcmseal demo``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import Encoding

from dcmseal.cli.main import main
from tests.support import builder as b
from tests.support.browser import browsing
from tests.support.evidence_files import make_lasting_root, make_timestamp_authority, sign_by

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "images"
MAX_SIZE: Final = 150_000
"""The size of a screenshot, in bytes."""
_WIDTH: Final = 960
_HEIGHT: Final = 720
_TALL: Final = 980


def make_pictures() -> None:
    """Write the start of a report in light mode, its coverage map in dark mode, and a report about an archive."""
    with TemporaryDirectory() as folder, browsing() as browser:
        demo = Path(folder) / "demo"
        page = Path(folder) / "report.html"
        main(["demo", str(demo), "--json"])
        arguments = ["--trust-anchor", str(demo / "authority.cert.pem"), "--html", str(page), "--quiet"]
        main(["verify", str(demo / "signed-in-part.dcm"), *arguments])
        # do not show the path of the temporary folder
        page.write_text(page.read_text("utf-8").replace(f"{demo}/", ""), "utf-8")
        for scheme, heading in (("light", ""), ("dark", "Every element")):
            context = browser.new_context(
                color_scheme="light" if scheme == "light" else "dark", viewport={"width": _WIDTH, "height": _HEIGHT}
            )
            _take_picture(context.new_page(), page, heading, FOLDER / f"report-{scheme}.png")
            context.close()
        context = browser.new_context(color_scheme="light", viewport={"width": _WIDTH, "height": _TALL})
        page = _make_archive_page(Path(folder))
        _take_picture(context.new_page(), page, "", FOLDER / "report-archive.png")
        _take_picture(context.new_page(), page, "Signers", FOLDER / "report-charts.png")
        context.close()


def _make_archive_page(folder: Path) -> Path:
    """Make a report about an archive with two signers, several months and some problems."""
    ca = make_lasting_root("Example Hospital CA")
    anchor, page, files = folder / "hospital.pem", folder / "archive.html", folder / "archive"
    anchor.write_bytes(ca.certificate.public_bytes(Encoding.PEM))
    authority = make_timestamp_authority(ca)
    for number, name in enumerate(("Dr. Ada Example", "CT Scanner 2")):
        leaf = ca.issue(name)
        for month in range(1, 13):
            at = datetime(2025, month, 5, 12, tzinfo=UTC)
            data = sign_by(leaf, at=at, stamped_by=authority if month % 3 else None)
            for copy in range(1 + (7 * month + 5 * number) % (6 - 3 * number)):
                path = files / f"2025-{month:02}" / f"{number + 1}{copy:03}.dcm"
                path.parent.mkdir(parents=True, exist_ok=True)
                is_tampered = (month, copy, number) == (5, 1, 0)
                path.write_bytes(data.replace(b"4711", b"4712") if is_tampered else data)
                if (month, copy) == (8, 0):
                    path.with_name("damaged.dcm").write_bytes(data[:-40])
    (files / "2025-10" / "unsigned.dcm").write_bytes(b.file(b.image()))
    main(["verify", str(files), "--trust-anchor", str(anchor), "--html", str(page), "--quiet"])
    page.write_text(page.read_text("utf-8").replace(f"{folder}/", ""), "utf-8")
    return page


def _take_picture(window: Page, page: Path, heading: str, target: Path) -> None:
    window.goto(page.as_uri())
    if heading:
        window.get_by_role("heading", name=heading, exact=True).evaluate("it => it.scrollIntoView()")
    target.parent.mkdir(exist_ok=True)
    window.screenshot(path=target)
    if target.stat().st_size > MAX_SIZE:
        raise SystemExit(f"{target} is larger than {MAX_SIZE} bytes")


if __name__ == "__main__":
    make_pictures()
