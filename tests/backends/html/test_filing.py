"""Pages that can be filed: the names in them, the scope of the verdict, a summary on one sheet, nothing cut off."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfReader

import dcmseal
from dcmseal.cli.main import main
from dcmseal.findings import Outcome
from dcmseal.plugins.archive_report import ArchiveReport, AttentionFile, FileCounts, SignatureCounts
from dcmseal_html.archive_view import build_archive_view
from tests.backends.html.conftest import Open
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.real_files import real_file

CUT = """
() => [...document.querySelectorAll('main *')].filter(it => it.checkVisibility() && it.clientWidth > 1 &&
    (it.getBoundingClientRect().right > innerWidth + 1 ||
     (it.scrollWidth > it.clientWidth + 1 && getComputedStyle(it).overflowX != 'visible'))).map(it => it.outerHTML)
"""
PageOf = Callable[..., Path]


@pytest.fixture(scope="module")
def key(pki: Pki) -> str:
    return f"pem:{pki['rsa2048'].key_pem}?cert={pki['rsa2048'].certificate_pem}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, key: str) -> Path:
    """A CT image that is signed in part, one that is signed but for one uncritical element, and a signed item."""
    folder = tmp_path_factory.mktemp("filing")
    image = real_file("CT_small.dcm").path
    dcmseal.sign(image, key=key, output=folder / "part.dcm", tags=["PixelData", "Rows", "Columns"])
    dcmseal.sign(image, key=key, output=folder / "whole.dcm")
    small = b.image(b.text(t.PATIENT_COMMENTS, "LT", "remark"))
    everything = [node.tag for node in small if isinstance(node, b.Value) and node.tag != t.PATIENT_COMMENTS]
    dcmseal.sign(b.file(small), key=key, output=folder / "nearly.dcm", tags=everything)
    dcmseal.sign(real_file("rtplan.dcm").path, key=key, output=folder / "item.dcm", location="BeamSequence[0]")
    return folder


@pytest.fixture(scope="module")
def write(made: Path, pki: Pki) -> Callable[..., Path]:
    def page(name: str, *words: str) -> Path:
        path = made / f"{name}{len(words)}.html"
        anchor = ["--trust-anchor", str(pki["root"].certificate_pem)]
        main(["verify", str(made / name), *anchor, *words, "--quiet", "--html", str(path), "--force"])
        return path

    return page


@pytest.mark.parametrize(
    ("name", "tone", "word"),
    [
        ("part.dcm", "open", "Valid for 3 of 257 elements"),
        ("whole.dcm", "good", "Valid"),
        ("nearly.dcm", "good", "Valid for 16 of 17 elements"),
        ("item.dcm", "open", "Not established"),
    ],
)
def test_a_page_is_green_only_if_all_that_is_critical_is_covered(
    write: Callable[..., Path], opening: Open, name: str, tone: str, word: str
) -> None:
    with opening(write(name)) as window:
        verdict = window.page.locator(".verdict")
        assert tone in str(verdict.get_attribute("class")).split()
        assert re.sub(r"^\S+ ", "", verdict.locator(".word").inner_text()).startswith(word)


def test_a_page_lists_unprotected_elements_and_counts_like_the_terminal(
    write: Callable[..., Path], opening: Open, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["verify", str(made / "part.dcm"), "--integrity-only"])
    line = capsys.readouterr().out.splitlines()[1]
    main(["show", str(made / "part.dcm"), "--tree"])
    tree = capsys.readouterr().out.splitlines()
    names = line[line.index("NOT protected") :].removesuffix(" (-v shows all)")
    assert names.startswith("NOT protected: Patient's Name, Patient ID, ")
    assert tree[1].endswith(names)
    critical = re.findall(r"! (\d+) of them", "\n".join(tree))
    with opening(write("part.dcm")) as window:
        text = window.page.inner_text("main")
        assert names in text
        assert f"{critical[0]} elements at all levels change what the data means" in text


def test_an_unsigned_object_is_reported(write: Callable[..., Path], opening: Open) -> None:
    with opening(write("item.dcm")) as window:
        assert "The object is not signed." in window.page.locator(".verdict").inner_text()
        assert "only the item BeamSequence[0]" in window.page.inner_text("main")


def test_a_page_names_the_object_and_the_options(
    write: Callable[..., Path], opening: Open, made: Path, pki: Pki
) -> None:
    data = (made / "part.dcm").read_bytes()
    with opening(write("part.dcm")) as window:
        text = window.page.inner_text("main")
    for told in (
        "part.dcm",
        f"{len(data):,} bytes",
        hashlib.sha256(data).hexdigest(),
        "CT Image Storage",
        "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322",
        str(pki["root"].certificate_pem),
        f"dcmseal {dcmseal.__version__}",
        "masked",
    ):
        assert told in text
    assert "CompressedSamples" not in text
    with opening(write("part.dcm", "--show-values")) as window:
        assert "CompressedSamples" in window.page.inner_text("main")


def test_unchecked_aspects_are_grey(write: Callable[..., Path], opening: Open) -> None:
    for words in ((), ("--revocation", "off")):
        with opening(write("whole.dcm", *words)) as window:
            told = window.page.locator("li", has_text=re.compile("revocation-(unknown|off)"))
            badge = told.locator(".badge")
            assert badge.inner_text().endswith("Not checked")
            assert "none" in str(badge.get_attribute("class")).split()


def test_the_first_sheet_is_a_summary(write: Callable[..., Path], opening: Open, tmp_path: Path) -> None:
    with opening(write("part.dcm")) as window:
        window.page.pdf(path=tmp_path / "page.pdf", format="A4")
    first, second, *_ = (page.extract_text() for page in PdfReader(tmp_path / "page.pdf").pages)
    for told in (
        "Valid for 3 of 257",
        "What to do",
        "Object",
        "SHA-256",
        "Summary of signatures",
        "Basis of the verdict",
    ):
        assert told in first
    assert "Checks of S1" not in first
    assert second.startswith("Signatures")


@pytest.mark.parametrize("name", ["part.dcm", "item.dcm", "folder"])
def test_nothing_is_cut_on_a_phone(
    write: Callable[..., Path], opening: Open, made: Path, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "archive.html"
    if name == "folder":
        main(["verify", str(made), "--quiet", "--html", str(path)])
    with opening(path if name == "folder" else write(name), width=390) as window:
        window.show_all()
        assert window.page.evaluate(CUT) == []


def test_files_that_need_attention_are_grouped_by_study_and_series() -> None:
    def file(name: str, verdict: str, study: str, series: str) -> AttentionFile:
        return AttentionFile(name=name, verdict=verdict, study=study, series=series)

    report = ArchiveReport(
        files=FileCounts(invalid=1, no_signature=3),
        signatures=SignatureCounts(),
        more_signers=SignatureCounts(),
        no_profile=SignatureCounts(),
        attention=(
            file("a", "no-signature", "1.1", "1.1.1"),
            file("b", "no-signature", "1.2", "1.2.1"),
            file("c", "invalid", "1.2", "1.2.2"),
            file("d", "no-signature", "1.2", "1.2.2"),
        ),
    )
    groups = [(each.series, [one.name for one in each.files]) for each in build_archive_view(report).shown]
    assert groups == [("1.2.2", ["c", "d"]), ("1.2.1", ["b"]), ("1.1.1", ["a"])]
    assert build_archive_view(report).studies == 2


def test_an_archive_without_trust_has_one_hint_to_configure_it(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "archive.html"
    main(["verify", str(made), "--quiet", "--html", str(path)])
    assert path.read_text("utf-8").count("Configure the certificate authorities that your site trusts") == 1


def test_an_unchecked_aspect_has_no_answer() -> None:
    assert {each.value for each in Outcome} == {"passed", "failed", "unknown", "not-checked"}
