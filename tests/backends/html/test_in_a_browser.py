"""The page in Chromium: complete, accessible, quiet, usable without script, and printed whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from pypdf import PdfReader

from tests.backends.html.conftest import Open, Opened, Scheme
from tests.support.pydicom_walk import Numbers, count_elements

PageOf = Callable[..., Path]
FILES = ("enhanced.dcm", "report.dcm")
PAGES = (
    ("enhanced.dcm",),
    ("report.dcm",),
    ("broken.dcm",),
    ("image.dcm", "--integrity-only"),
    ("image.dcm", "broken.dcm", "nowhere.dcm"),
)
ROWS = """
() => [...document.querySelectorAll('.tree .row')].map(row => {
    const tags = [row.querySelector('.tag').textContent]
    for (let it = row.closest('li').parentElement.closest('li'); it; it = it.parentElement.closest('li')) {
        const outer = it.querySelector(':scope > details > summary > .row .tag')
        if (outer) tags.unshift(outer.textContent)
    }
    const count = row.querySelector('.count')
    return [tags, count ? count.textContent : '1']
})
"""
HIDDEN = "() => [...document.querySelectorAll('.row, dd, td')].filter(it => !it.checkVisibility()).length"


def shown(window: Opened) -> Numbers:
    """The elements on the page by their path, those folded counted."""
    numbers: Numbers = Counter()
    for tags, count in window.page.evaluate(ROWS):
        path = tuple(int(re.sub("[^0-9A-F]", "", tag), 16) for tag in tags)
        numbers[path] += int(re.sub(r"\D", "", count))
    return numbers


@pytest.mark.parametrize("file", FILES)
def test_every_element_of_the_data_set_is_on_the_page(page_of: PageOf, opening: Open, folder: Path, file: str) -> None:
    page = page_of(file)
    with opening(page) as window:
        expected = count_elements(folder / file)
        assert expected.total() > 20_000
        assert shown(window) == expected
    assert page.stat().st_size < 1_000_000


def test_items_alike_are_folded_and_the_signed_one_is_not(page_of: PageOf, opening: Open) -> None:
    with opening(page_of("enhanced.dcm")) as window:
        window.show_all()
        folded = window.page.locator(".item", has_text="Items 0–2, 4–999")
        assert folded.count() == 1
        assert window.page.locator(".item", has_text=re.compile("^Item 3$")).count() == 1
        (covered,) = window.page.locator(".row", has_text="(0020,0032)").filter(has_text="Covered S2").all()
        assert covered.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("words", [PAGES[0], PAGES[-1]], ids=" ".join)
def test_it_is_accessible(page_of: PageOf, opening: Open, words: tuple[str, ...], scheme: Scheme) -> None:
    with opening(page_of(*words), scheme, bypass_csp=True) as window:
        window.show_all()
        results: dict[str, Any] = Axe().run(window.page).response
        assert len(results["passes"]) > 20
        assert [(each["id"], each["impact"], each["nodes"][0]["html"]) for each in results["violations"]] == []
        contrast = {each["id"] for each in results["passes"]}
        assert "color-contrast" in contrast


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_it_loads_nothing_and_complains_of_nothing(page_of: PageOf, opening: Open, words: tuple[str, ...]) -> None:
    page = page_of(*words)
    with opening(page) as window:
        window.show_all()
        window.page.wait_for_load_state("networkidle")
        assert [url for url in window.asked if url != page.as_uri()] in ([], ["data:,"])
        assert window.said == []
        assert window.page.locator("script, img, iframe, object, embed, form, link:not([rel=icon])").count() == 0


def test_its_content_security_policy_blocks_everything_else(page_of: PageOf, opening: Open, tmp_path: Path) -> None:
    """Were something to get past the escaping, it could still do nothing."""
    text = page_of("broken.dcm").read_text("utf-8")
    page = tmp_path / "page.html"
    page.write_text(
        text.replace("</main>", "<script>document.title = 'pwned'</script><img src='x.png'></main>"), "utf-8"
    )
    with opening(page) as window:
        assert window.page.title().startswith("Invalid: ")
        assert window.stopped == [(tmp_path / "x.png").as_uri()]
        assert len([said for said in window.said if "Content Security Policy" in said]) == 2


def test_it_is_read_without_script(page_of: PageOf, opening: Open) -> None:
    with opening(page_of("enhanced.dcm"), script=False) as window:
        frames = window.page.locator(".tree summary", has_text="Per-Frame Functional Groups Sequence").first
        inner = window.page.locator(".item", has_text="Items 0–2, 4–999")
        assert not inner.is_visible()
        frames.focus()
        window.page.keyboard.press("Enter")
        assert inner.is_visible()


def test_the_verdict_comes_first_and_headings_are_in_order(page_of: PageOf, opening: Open) -> None:
    with opening(page_of("broken.dcm")) as window:
        headings = window.page.locator("h1, h2, h3, h4").all()
        levels = [int(each.evaluate("it => it.tagName[1]")) for each in headings]
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        text = window.page.inner_text("main")
        order = ["Invalid", "What to do", "Signatures", "mac-differs", "Coverage map", "How this report was made"]
        assert [text.index(each) for each in order] == sorted(text.index(each) for each in order)
        assert window.page.locator("header, main, footer").count() == 3


def test_the_path_of_certificates_leads_from_the_anchor_to_the_signer(page_of: PageOf, opening: Open) -> None:
    with opening(page_of("broken.dcm")) as window:
        links = window.page.locator(".chain .link").all_inner_texts()
        assert [each.partition("\n")[0] for each in links] == ["trust anchor", "signer"]
        assert "CN=rsa2048" in links[-1]


def test_several_files_begin_with_a_table_of_verdicts(page_of: PageOf, opening: Open) -> None:
    with opening(page_of("image.dcm", "broken.dcm", "nowhere.dcm")) as window:
        rows = window.page.locator("nav tbody tr").all_inner_texts()
        assert [re.findall("Valid|Invalid|Unreadable", row)[0] for row in rows] == ["Valid", "Invalid", "Unreadable"]
        window.page.locator("nav a").nth(1).click()
        assert window.page.locator("h2", has_text="broken.dcm").is_visible()


@pytest.mark.parametrize("file", FILES)
def test_paper_has_everything(page_of: PageOf, opening: Open, folder: Path, tmp_path: Path, file: str) -> None:
    with opening(page_of(file), width=700) as window:
        assert window.page.evaluate(HIDDEN) > 20
        window.page.emulate_media(media="print")
        assert window.page.evaluate(HIDDEN) == 0
        assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        window.page.pdf(path=tmp_path / "page.pdf", format="A4")
    text = re.sub(r"\s", "", "".join(each.extract_text() for each in PdfReader(tmp_path / "page.pdf").pages))
    tags = {path[-1] for path in count_elements(folder / file)}
    assert {tag for tag in tags if f"({tag >> 16:04X},{tag & 0xFFFF:04X})" not in text} == set()


@pytest.mark.parametrize("width", [360, 1100])
def test_nothing_sticks_out(page_of: PageOf, opening: Open, width: int) -> None:
    with opening(page_of("enhanced.dcm"), width=width) as window:
        window.show_all()
        assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
