"""The page about an archive: its numbers are right, and it is as safe and plain as the other."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from cryptography.hazmat.primitives.serialization import Encoding

import dcmseal
from dcmseal.api.report_files import make_report_context
from dcmseal.cli.main import main
from dcmseal.plugins.archive_report import (
    ArchiveReport,
    AttentionFile,
    FileCounts,
    MonthTotals,
    ProfileTotals,
    SignatureCounts,
    SignerTotals,
)
from dcmseal_html.html_writer import HtmlWriter
from tests.backends.html.conftest import Open, Scheme
from tests.backends.html.test_hostile_text import HOSTILE, NOW
from tests.support import builder as b
from tests.support.evidence_files import make_lasting_root, make_timestamp_authority, sign_by

TABLE = """
caption => [...document.querySelectorAll('table')].filter(it => it.caption.textContent == caption).flatMap(it =>
    [...it.querySelectorAll('tbody tr')].map(row => [...row.cells].map(cell => cell.textContent.trim())))
"""
MONTHS = ((2024, 11), (2025, 2), (2025, 3))


@dataclass(frozen=True)
class Archive:
    """A folder of files, with the trust settings for them."""

    folder: Path
    anchor: Path
    files: Counter[str]
    signers: Counter[tuple[str, str]]
    """By common name and verdict."""
    months: Counter[tuple[str, str]]
    """By month, and how it is known."""

    def verified(self, page: Path, *words: str) -> str:
        """The page that the command line writes."""
        main(["verify", str(self.folder), "--trust-anchor", str(self.anchor), "-q", "--html", str(page), *words])
        return page.read_text("utf-8")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Valid, tampered, unsigned and unreadable files; two signers, three months, one certified; a hostile name."""
    top = tmp_path_factory.mktemp("archive")
    made = Archive(top / "files", top / "anchor.pem", Counter(), Counter(), Counter())
    ca = make_lasting_root()
    made.anchor.write_bytes(ca.certificate.public_bytes(Encoding.PEM))
    authority = make_timestamp_authority(ca)
    for place, name in enumerate(("Alice", "Bob")):
        leaf = ca.issue(name)
        for number, (year, month) in enumerate(MONTHS):
            certified = number == 1
            data = sign_by(
                leaf, at=dt.datetime(year, month, 5, 12, tzinfo=dt.UTC), stamped_by=authority if certified else None
            )
            folder = made.folder / name / str(number)
            folder.mkdir(parents=True)
            for copy in range(2 + place):
                is_tampered = copy == 0 and number == 2
                path = folder / f"{copy}.dcm"
                path.write_bytes(data.replace(b"4711", b"4712", 1) if is_tampered else data)
                verdict = "Invalid" if is_tampered else "Valid"
                made.files[verdict] += 1
                made.signers[name, verdict] += 1
                made.months[f"{year}-{month:02}", "certified" if certified else "claimed"] += 1
    (made.folder / "<img src=x onerror=alert(1)>.dcm").write_bytes(b.file(b.image()))
    made.files["No signature"] += 1
    (made.folder / "cut.dcm").write_bytes(data[:-40])
    made.files["Unreadable"] += 1
    (made.folder / "notes.txt").write_text("no image")
    return made


@pytest.fixture(scope="module")
def page(archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    archive.verified(path, "--jobs", "1")
    return path


def same(text: str) -> str:
    """The page but for the moment and the time it took."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "", text)
    return re.sub(r"[\d.]+ seconds", "", text)


def table(window: Any, caption: str) -> list[list[str]]:
    rows: list[list[str]] = window.page.evaluate(TABLE, caption)
    return rows


def profiles_met(archive: Archive) -> Counter[str]:
    """The signatures that meet each profile, asked one file at a time."""
    met: Counter[str] = Counter()
    for path in archive.folder.rglob("?.dcm"):
        for each in dcmseal.verify(path, integrity_only=True).signatures:
            met.update(({*each.profiles} - {"none"}) or {"No known profile"})
    return met


def test_the_numbers_are_those_of_the_files(archive: Archive, page: Path, opening: Open) -> None:
    with opening(page) as window:
        files = {row[0].split(maxsplit=1)[1]: int(row[1]) for row in table(window, "Files by verdict")}
        assert Counter(files) == archive.files
        signers: Counter[tuple[str, str]] = Counter()
        for name, valid, open_, invalid, total in table(window, "Signatures by signer, those with most first"):
            short = name.split("CN=")[1].split()[0].rstrip(",")
            signers[short, "Valid"], signers[short, "Invalid"] = int(valid), int(invalid)
            assert (open_, int(total)) == ("0", int(valid) + int(invalid))
        assert signers == archive.signers
        months: Counter[tuple[str, str]] = Counter()
        for month, certified, claimed, _ in table(window, "Signatures by month of signing"):
            months[month, "certified"], months[month, "claimed"] = int(certified), int(claimed)
        assert months == archive.months
        profiles = table(window, "Signatures by the profile they meet")
        assert {row[0]: int(row[-1]) for row in profiles} == profiles_met(archive)
        attention = [row for row in table(window, "By study and series, those with the worst file first") if row[1:]]
        assert len(attention) == archive.files.total() - archive.files["Valid"]
        assert [row[0].split(maxsplit=1)[1] for row in attention[:2]] == ["Invalid", "Invalid"]
        assert all("mac-differs" in row[2] for row in attention[:2])
        assert window.page.locator("rect").count() > 10
        assert "1 further file in the folders is not DICOM" in window.page.inner_text("main")


def test_more_processes_say_the_same(archive: Archive, page: Path, tmp_path: Path) -> None:
    assert same(archive.verified(tmp_path / "two.html", "--jobs", "2")) == same(page.read_text("utf-8"))


def test_a_resumed_run_reports_the_whole_archive(archive: Archive, page: Path, tmp_path: Path) -> None:
    journal = ("--journal", str(tmp_path / "run.journal"))
    first = archive.verified(tmp_path / "first.html", *journal)
    assert same(first) == same(page.read_text("utf-8"))
    again = same(archive.verified(tmp_path / "again.html", *journal))
    count = archive.files.total()
    assert f"{count} results of an earlier run were taken from its journal" in again
    # all numbers, and all that needs attention, in the same words
    rest = slice(first.index('<h2 id="attention">'), first.index('<h2 id="made">'))
    assert same(first[rest]) in again


def test_with_json_lines_the_page_is_the_same(
    archive: Archive, page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "lines.html"
    words = ["--trust-anchor", str(archive.anchor), "--html", str(target), "--json-lines"]
    main(["verify", str(archive.folder), *words])
    documents = [json.loads(line)["document"] for line in capsys.readouterr().out.splitlines()]
    assert len(documents) == archive.files.total() + documents.count("skipped") + 1
    assert documents.count("skipped") == 1
    assert same(target.read_text("utf-8")) == same(page.read_text("utf-8"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_silent_and_loads_nothing(page: Path, opening: Open, scheme: Scheme) -> None:
    with opening(page, scheme) as window:
        window.page.wait_for_load_state("networkidle")
        assert [url for url in window.asked if url != page.as_uri()] in ([], ["data:,"])
        assert window.said == []
        assert window.page.locator("script, img, iframe, object, embed, form").count() == 0
    with opening(page, scheme, bypass_csp=True) as window:
        window.show_all()
        results: dict[str, Any] = Axe().run(window.page).response
        assert [(each["id"], each["nodes"][0]["html"]) for each in results["violations"]] == []
        assert "color-contrast" in {each["id"] for each in results["passes"]}


@pytest.mark.parametrize("width", [360, 1100])
def test_nothing_sticks_out(page: Path, opening: Open, width: int) -> None:
    with opening(page, width=width) as window:
        window.show_all()
        assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_text(tmp_path: Path, opening: Open, hostile: str) -> None:
    numbers = SignatureCounts(valid=1, invalid=2)
    report = ArchiveReport(
        inputs=(hostile,),
        files=FileCounts(valid=1, invalid=1),
        signatures=numbers,
        signers=(SignerTotals(subject=hostile, sha256=hostile, signatures=numbers),),
        more_signers=numbers,
        profiles=(ProfileTotals(name=hostile, signatures=numbers),),
        no_profile=numbers,
        months=(MonthTotals(month=hostile, claimed=3),),
        attention=(AttentionFile(name=hostile, verdict="invalid", reason=hostile, code=hostile),),
        stopped=hostile,
    )
    path = tmp_path / "page.html"
    path.write_bytes(b"".join(HtmlWriter().write_archive(report, make_report_context(NOW, [(hostile, hostile)]))))
    with opening(path, bypass_csp=True) as window:
        assert window.page.title().startswith("1 of 2 files is invalid")
        assert window.page.locator("script, img, [onfocus], [onerror]").count() == 0
        assert window.said == []
        text = window.page.inner_text("main")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200f\u202e\u2066\ufeff]", text)


def test_the_largest_report_is_a_page_yet() -> None:
    one = SignatureCounts(valid=1)
    report = ArchiveReport(
        files=FileCounts(invalid=10**8),
        signatures=one,
        more_signers=one,
        no_profile=one,
        signers=tuple(SignerTotals(subject="CN=x" * 60, sha256="ab" * 32, signatures=one) for _ in range(100)),
        months=tuple(MonthTotals(month=f"{2000 + each // 12}-{each % 12 + 1:02}", claimed=1) for each in range(240)),
        attention=tuple(AttentionFile(name="x" * 200, verdict="invalid", reason="y" * 200) for _ in range(1000)),
        more_attention=10**8 - 1000,
    )
    page = b"".join(HtmlWriter().write_archive(report, make_report_context(NOW)))
    assert len(page) < 1_500_000
    assert b"99,999,000 more files need attention and are not listed here" in page
