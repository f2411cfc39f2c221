"""Reports for people: where they go, and what is refused; the coverage map on the terminal."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

import dcmseal
from dcmseal.cli.main import load_command
from dcmseal.cli.options.verdict_settings import FLAG_TEXTS, format_settings
from dcmseal.cli.parser import Parser
from dcmseal.coverage_map import map_builder
from dcmseal.errors import Malformed, PluginBroken
from tests.core.cli.conftest import Run
from tests.core.cli.test_start import modules_after


def test_verify_writes_a_page_without_changing_its_output(run: Run, signed: Path, in_folder: Path) -> None:
    plain = run("verify", signed, "--integrity-only")
    ran = run("verify", signed, "--integrity-only", "--html", "report.html")
    assert ran.code == plain.code == 0
    assert ran.out.splitlines()[0] == plain.out.splitlines()[0]
    page = (in_folder / "report.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert page.rstrip().endswith("</html>")
    assert [path.name for path in in_folder.iterdir()] == ["report.html"]


def test_a_format_is_asked_for_by_name(run: Run, signed: Path, in_folder: Path) -> None:
    assert run("verify", signed, "--report", "html:one.html", "--html", "two.html", "-q").code == 4
    assert {path.name for path in in_folder.iterdir()} == {"one.html", "two.html"}


def test_how_it_was_verified_stands_on_the_page(run: Run, signed: Path, in_folder: Path) -> None:
    run("verify", signed, "-q", "--html", "a.html", "--require", "base-rsa", "--timestamp-mode", "ignore")
    page = (in_folder / "a.html").read_text("utf-8")
    assert f"dcmseal {dcmseal.__version__}" in page
    assert "no trust anchor is configured" in page
    assert "Required of a signature" in page
    assert "base-rsa" in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--html", "there.html"], "there.html already exists"),
        (["--report", "html"], "requires FORMAT:OUT"),
        (["--report", ":x"], "requires FORMAT:OUT"),
        (["--report", "html:"], "requires FORMAT:OUT"),
        (["--html", ""], "requires FORMAT:OUT"),
        (["--force", "--html", "./in.dcm"], "./in.dcm is an input"),
    ],
)
def test_invalid_options_are_refused_before_anything_is_read(
    run: Run, in_folder: Path, words: list[str], said: str
) -> None:
    for name in ("there.html", "in.dcm"):
        (in_folder / name).write_text("as it was")
    ran = run("verify", "in.dcm", *words)
    assert ran.code == 2
    assert said in ran.err
    assert (in_folder / "there.html").read_text() == (in_folder / "in.dcm").read_text() == "as it was"


def test_a_format_without_a_writer(run: Run, signed: Path) -> None:
    ran = run("verify", signed, "--report", "papyrus:x")
    assert ran.code == 6
    assert "html" in ran.err


def test_of_many_files_the_page_has_numbers(run: Run, signed: Path, in_folder: Path) -> None:
    assert run("verify", *[signed] * 101, "--html", "all.html", "-q").code == 4
    page = (in_folder / "all.html").read_text("utf-8")
    assert "101 of 101 files are not established" in page
    assert "Coverage map" not in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--html", "there.html"], "there.html already exists"),
        (["--html", "nowhere/a.html"], "folder not found: nowhere"),
        (["--report", "html"], "requires FORMAT:OUT"),
        (["--save-evidence", "x"], "--save-evidence does not apply to folders"),
        (["--evidence", "x"], "--evidence does not apply to folders"),
        (["--evidence-timestamp", "http://x"], "--evidence-timestamp does not apply to folders"),
        (["--trust-evidence-moment"], "--trust-evidence-moment does not apply to folders"),
        (["--trust-evidence-anchors"], "--trust-evidence-anchors does not apply to folders"),
        (["--manifest", "x"], "--manifest does not apply to folders"),
    ],
)
def test_options_that_do_not_apply_to_folders_are_refused(
    run: Run, in_folder: Path, words: list[str], said: str
) -> None:
    (in_folder / "there.html").write_text("as it was")
    ran = run("verify", ".", *words)
    assert ran.code == 2
    assert said in ran.err
    assert "hint: " in ran.err
    assert (in_folder / "there.html").read_text() == "as it was"


def test_reports_are_overwritten_with_leave_only(run: Run, signed: Path, in_folder: Path) -> None:
    (in_folder / "a.html").write_text("nothing of use")
    assert run("verify", signed, "-q", "--html", "a.html", "--force").code == 4
    assert "nothing of use" not in (in_folder / "a.html").read_text("utf-8")


def test_an_unwritable_target_is_reported(run: Run, signed: Path, in_folder: Path) -> None:
    ran = run("verify", signed, "-q", "--html", in_folder / "nowhere" / "a.html")
    assert ran.code == 5
    assert "cannot be written" in ran.err


def test_a_failing_writer_leaves_the_old_file(signed: Path, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from dcmseal.api.report_files import build_reported_file, make_report_context, write_report
    from dcmseal.plugins.registry import Registry
    from tests.core.plugins.fake_plugins import make_plugin
    from tests.core.plugins.test_report_writer import FakeWriter

    path = tmp_path / "report"
    path.write_text("as it was")
    file = build_reported_file("signed.dcm", dcmseal.verify(signed), signed)
    failing = make_plugin("one", dcmseal_report_writers=lambda: (FakeWriter(pieces=[b"half", RuntimeError("secret")]),))
    with pytest.raises(PluginBroken, match="failed with RuntimeError"):
        write_report(
            path, Registry.from_plugins(failing).report_writer("fake"), [file], make_report_context(datetime.now(UTC))
        )
    assert path.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [path]


def test_standard_input_gets_a_page_too(run: Run, signed: Path, in_folder: Path) -> None:
    ran = run("verify", "-", "--integrity-only", "--html", "a.html", stdin=signed.read_bytes())
    assert ran.code == 0
    assert "standard input" in (in_folder / "a.html").read_text("utf-8")


def test_files_that_cannot_be_read_are_on_the_page(run: Run, signed: Path, broken: Path, in_folder: Path) -> None:
    ran = run("verify", signed, broken, "--integrity-only", "--html", "a.html", "--json")
    assert ran.code == 5
    assert len(ran.document["files"]) == 2
    page = (in_folder / "a.html").read_text("utf-8")
    assert "Unreadable" in page
    assert ran.document["files"][1]["message"] in page


def test_without_a_map_there_is_the_report_all_the_same(
    run: Run, signed: Path, in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Malformed("a stray byte", 7)

    monkeypatch.setattr(map_builder, "build_map", fail)
    assert run("verify", signed, "-q", "--integrity-only", "--html", "a.html").code == 0
    page = (in_folder / "a.html").read_text("utf-8")
    assert "there is no coverage map: a stray byte (at byte 7)" in page
    assert "mac-matches" in page


def test_without_a_report_nothing_for_reports_is_imported(signed: Path) -> None:
    modules = modules_after("verify", str(signed), "--integrity-only")
    unwanted = {"jinja2", "markupsafe", "dcmseal_html", "dcmseal.model.coverage_map", "dcmseal.api.report_files"}
    assert not modules & unwanted
    assert not [name for name in modules if name.startswith("dcmseal.coverage_map")]


def test_values_are_masked_on_the_page_unless_asked_for(run: Run, signed: Path, in_folder: Path) -> None:
    run("verify", signed, "-q", "--html", "a.html")
    run("verify", signed, "-q", "--html", "b.html", "--show-values")
    masked, shown = ((in_folder / name).read_text("utf-8") for name in ("a.html", "b.html"))
    assert "CompressedSamples" not in masked
    assert "CompressedSamples^CT1" in shown


def test_the_tree_lists_every_element_and_its_signatures(run: Run, signed_twice: Path) -> None:
    ran = run("show", signed_twice, "--tree")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].startswith("S1 valid: ")
    (pixels,) = (line for line in lines if "Pixel Data" in line)
    assert pixels.startswith("covered S1,S2")
    (name,) = (line for line in lines if "Patient's Name" in line)
    assert name.split(maxsplit=2)[:2] == ["covered", "S2"]
    assert name.endswith("(masked)")
    document = run("show", signed_twice, "--tree", "--json", "--show-values").document
    assert document["values_shown"]
    assert document["totals"]["covered"] > 250
    (element,) = (each for each in document["elements"] if each["tag"] == "00100010")
    assert (element["value"], element["covered_by"]) == ("CompressedSamples^CT1", [2])


def test_the_tree_of_one_signature_shows_its_coverage(run: Run, signed_twice: Path, uids: list[str]) -> None:
    ran = run("show", signed_twice, uids[0], "--tree")
    lines = [line for line in ran.out.splitlines() if "Patient's Name" in line]
    assert [line.split()[0] for line in lines] == ["covers", "uncovered"]
    assert lines[0].startswith("covers 1 of 257 elements. NOT protected: Patient's Name, ")


def test_the_tree_of_a_tampered_file_shows_no_cover(run: Run, tampered: Path) -> None:
    ran = run("show", tampered, "--tree")
    assert ran.out.startswith("S1 invalid")
    assert "broken S1         ! (0010,0010)" in ran.out
    assert "covered by an invalid signature" in ran.out


def test_the_tree_of_a_file_without_signatures(run: Run, image: Path) -> None:
    ran = run("show", image, "--tree")
    assert ran.code == 3
    assert "uncovered         ! (0010,0010)" in ran.out


TELLS_HOW = frozenset(
    "help files files_from jobs executor verbose quiet json json_lines full html report show_values force "
    "save_evidence evidence_timestamp sha256 journal journal_digest journal_full journal_retry".split()
)
"""Options that say how files are verified and told of, and not what a verdict depends on."""


def options_of_verify() -> list[str]:
    parser = Parser(prog="verify")
    load_command("verify").configure(parser)
    return [action.dest for action in parser._actions if action.dest not in TELLS_HOW]


@pytest.mark.parametrize("name", options_of_verify())
def test_the_page_shows_every_option_that_affects_a_verdict(name: str) -> None:
    options = Namespace(**dict.fromkeys(options_of_verify(), None))
    setattr(options, name, name in FLAG_TEXTS or "something")
    assert format_settings(options)[0][1] == FLAG_TEXTS.get(name, "something")
