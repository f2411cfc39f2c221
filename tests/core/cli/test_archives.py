"""Many files on the command line: folders, file-sets, patterns and lists; results as text, JSON and JSON Lines."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import dcmseal
from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.result_kind import ResultKind
from dcmseal.batch.results import BatchResult
from dcmseal.batch.run_summary import RunSummary
from dcmseal.cli.render.archive_progress import LineProgress
from dcmseal.errors import DeviceRemoved
from dcmseal.exit_codes import ExitCode
from tests.core.cli.conftest import Ran, Run
from tests.core.cli.removable_card import PIN, Card, build_registry

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/reference/report.schema.json").read_text("utf-8"))


@pytest.fixture
def archive(in_folder: Path, signed: Path, tampered: Path, broken: Path, image: Path) -> Path:
    """A folder with a file of each kind."""
    for name, source in {"1/signed": signed, "1/tampered": tampered, "2/broken": broken, "2/plain": image}.items():
        path = in_folder / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, path)
    (in_folder / "archive/notes.txt").write_text("no DICOM file")
    return Path("archive")


def lines(ran: Ran) -> list[Any]:
    documents = [json.loads(line) for line in ran.out.splitlines()]
    for each in documents:
        jsonschema.validate(each, SCHEMA, cls=jsonschema.Draft202012Validator)
    return documents


def test_the_summary_of_a_folder_starts_with_the_urgent_files(run: Run, archive: Path) -> None:
    ran = run("verify", archive, "--integrity-only")
    assert (ran.code, ran.err) == (1, "")
    told = ran.out.splitlines()
    assert told[0].startswith("4 files verified in ")
    assert [line.split() for line in told[1:6]] == [
        *(["valid", "1"], ["invalid", "1"], ["failed", "1"], ["no", "signature", "1"]),
        ["1", "skipped:", "not", "DICOM"],
    ]
    assert [line.split(":")[0] for line in told[6:] if line] == [
        *("invalid", "  archive/1/tampered", "failed", "  archive/2/broken", "no signature", "  archive/2/plain")
    ]


def test_a_line_for_each_file_on_request(run: Run, archive: Path) -> None:
    ran = run("verify", archive, "--integrity-only", "--verbose")
    assert ran.out.splitlines()[0] == "archive/1/signed: valid"
    assert ran.out.splitlines()[1].startswith("archive/1/tampered: invalid; ")


def test_json_lines_end_with_a_summary(run: Run, archive: Path) -> None:
    ran = run("verify", archive, "--integrity-only", "--json-lines")
    *files, summary = lines(ran)
    assert [each["document"] for each in files] == ["verdict", "verdict", "error", "verdict", "skipped"]
    assert [each["file"] for each in files] == [
        *("archive/1/signed", "archive/1/tampered", "archive/2/broken", "archive/2/plain", "archive/notes.txt")
    ]
    assert (files[-1]["kind"], files[-1]["reason"]) == ("ignored", "this is not a DICOM file")
    assert summary["verdicts"] == {"failed": 1, "invalid": 1, "no-signature": 1, "valid": 1}
    assert (summary["files"], summary["ignored"], summary["exit_code"], ran.code) == (4, 1, 1, 1)


def test_full_json_lines_list_every_element(run: Run, archive: Path) -> None:
    short, *_ = lines(run("verify", archive, "--integrity-only", "--json-lines"))
    full, *_ = lines(run("verify", archive, "--integrity-only", "--json-lines", "--full"))
    assert full["document"] == "verification"
    assert len(full["signatures"][0]["coverage"]["signed"]) == short["signatures"][0]["coverage"]["signed"] == 257
    assert len(json.dumps(short)) * 10 < len(json.dumps(full))


def test_one_document_of_a_folder_is_that_of_its_files(run: Run, archive: Path) -> None:
    document = run("verify", archive, "--integrity-only", "--json").document
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert document["files"].pop()["document"] == "skipped"
    named = run("verify", *(each["file"] for each in document["files"]), "--integrity-only", "--json").document
    for each in (document, named):
        assert each["context"].pop("time")
    assert document == named


def test_patterns_and_lists(run: Run, archive: Path) -> None:
    (summary,) = lines(run("verify", f"{archive}/**/signed", "--integrity-only", "--json-lines"))[1:]
    assert summary["verdicts"] == {"valid": 1}
    listed = b"archive/1/signed\0archive/2\0"
    *_, summary = lines(run("verify", "--files-from", "-", "--integrity-only", "--json-lines", stdin=listed))
    assert summary["verdicts"] == {"failed": 1, "no-signature": 1, "valid": 1}
    Path("list.txt").write_bytes(listed.replace(b"\0", b"\r\n"))
    *_, summary = lines(run("verify", "--files-from", "list.txt", "--integrity-only", "--json-lines"))
    assert summary["files"] == 3


def test_quiet_is_quiet(run: Run, archive: Path) -> None:
    ran = run("verify", archive, "--integrity-only", "--quiet")
    assert (ran.code, ran.out, ran.err) == (1, "", "")
    ran = run("verify", archive, "gone.dcm", "--integrity-only", "--quiet")
    assert "gone.dcm" in ran.err


@pytest.mark.usefixtures("in_folder")
def test_signing_is_quiet_if_asked_to(run: Run, image: Path, key: str) -> None:
    for name in ("a.dcm", "b.dcm"):
        shutil.copy(image, name)
    ran = run("sign", "a.dcm", "b.dcm", "--in-place", "--quiet", "--key", key)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert len(dcmseal.signatures("a.dcm")) == 1
    assert run("list", "a.dcm", "--quiet").out == ""


def test_finding_no_files_is_a_failure(run: Run, in_folder: Path) -> None:
    (in_folder / "empty").mkdir()
    (in_folder / "empty/notes.txt").touch()
    ran = run("verify", "empty", "--json-lines")
    assert ran.code == 5
    documents = [(each["document"], each.get("file")) for each in lines(ran)]
    assert documents == [("skipped", "empty/notes.txt"), ("error", "empty"), ("summary", None)]
    ran = run("verify", "empty", "--json")
    assert [each["document"] for each in ran.document["files"]] == ["skipped", "error"]
    assert run("verify", "empty", "--quiet").err.startswith("dcmseal: empty: no DICOM files found")
    assert run("verify", "gone/").code == run("verify", "gone*").code == 5


def test_signatures_of_a_folder_are_listed(run: Run, archive: Path, uid: str) -> None:
    ran = run("list", archive)
    assert ran.code == 5
    assert ran.out.startswith(f"archive/1/signed:  main  {uid}  ")
    *files, _ = lines(run("list", archive, "--json-lines"))
    assert [len(each.get("signatures", ())) for each in files] == [1, 1, 0, 0, 0]


WITH_CARD = ("--key", "card:", "--passphrase-env", "CARD_PIN")


@pytest.fixture
def card(key: str, monkeypatch: pytest.MonkeyPatch) -> Card:
    card = Card(key)
    monkeypatch.setattr("dcmseal.plugins.registry.installed_registry", build_registry(card))
    monkeypatch.setenv("CARD_PIN", PIN)
    return card


def test_a_folder_is_signed_into_a_mirror_of_it_after_one_login(run: Run, archive: Path, card: Card) -> None:
    Path("archive/2/broken").unlink()
    ran = run("sign", archive, "-o", "out/new", *WITH_CARD)
    assert (ran.code, ran.err) == (0, "")
    assert (card.opened, card.pins, card.is_open) == (1, [PIN], False)
    assert {str(path): len(dcmseal.signatures(path)) for path in Path("out").rglob("*") if path.is_file()} == {
        "out/new/1/signed": 2,
        "out/new/1/tampered": 2,
        "out/new/2/plain": 1,
    }
    again = run("sign", archive, "-o", "out/new", *WITH_CARD)
    assert again.code == 5
    assert again.out.count("exists") == 3


@pytest.mark.usefixtures("card")
def test_files_that_are_signed_are_left_alone(run: Run, archive: Path) -> None:
    before = {path: path.read_bytes() for path in archive.rglob("signed")}
    ran = run("sign", archive, "--in-place", "--skip-signed", "any", "--json-lines", *WITH_CARD)
    *files, summary = lines(ran)
    assert [each["document"] for each in files] == ["skipped", "signing", "error", "signing", "skipped"]
    assert summary["verdicts"] == {"failed": 1, "signed": 2, "skipped": 1}
    assert summary["written"] == 2
    assert {path: path.read_bytes() for path in before} == before


def test_a_key_error_stops_the_run_and_reports_its_progress(run: Run, archive: Path, card: Card) -> None:
    Path("archive/2/broken").unlink()
    card.failures = [None, DeviceRemoved("the card is gone")]
    ran = run("sign", archive, "--in-place", "--json-lines", *WITH_CARD)
    *files, summary = lines(ran)
    assert [each["document"] for each in files] == ["signing", "error"]
    assert summary["stopped"]["error"] == "DeviceRemoved"
    assert (summary["written"], summary["exit_code"], ran.code) == (1, 6, 6)
    assert len(dcmseal.signatures("archive/2/plain")) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sign", "archive"], "-o FOLDER"),
        (["sign", "archive", "archive/1", "--in-place"], "twice"),
        (["sign", "archive", "--in-place", "--dry-run", "--journal", "run.journal"], "not write a journal"),
        (["sign", "archive", "--in-place", "--skip-signed", "always"], "any, profile:NAME"),
        (["verify", "archive", "-"], "standard input"),
        (["verify", "archive", "--jobs", "0"], "--jobs"),
        (["verify", "archive", "--executor", "nowhere:1"], "nowhere"),
        (["verify", "archive", "--json", "--json-lines"], "not allowed with"),
        (["verify", "archive", "--require", "no-such"], "no-such"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("archive", "card")
def test_an_impossible_request_starts_nothing(run: Run, words: list[str], said: str) -> None:
    if words[0] == "sign":
        words = [*words, *WITH_CARD]
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    ran = run(*words)
    assert ran.code in (2, 6)
    assert said in ran.err
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before


def test_progress_without_a_terminal_is_an_occasional_line() -> None:
    moments = iter([0.0, 1.0, 31.0, 32.0, 62.0])
    stream = StringIO()
    shown = LineProgress(stream, interval=30.0, clock=lambda: next(moments))
    tally = RunSummary()
    for number in range(4):
        result = BatchResult(
            input=InputFile(source=str(number), relative=str(number)),
            kind=ResultKind.VERIFIED,
            exit_code=ExitCode.OK,
            verdict="valid" if number else "no-signature",
        )
        tally.add(result)
        shown.add(result, tally)
    assert stream.getvalue().splitlines() == [
        "dcmseal: 2 files, 0 files/s: 1 no signature, 1 valid",
        "dcmseal: 4 files, 0 files/s: 3 valid, 1 no signature",
    ]


def test_the_progress_bar_shows_counts_and_the_last_failure() -> None:
    from rich.console import Console

    from dcmseal.cli.render.rich_progress import BarProgress

    output = StringIO()
    console = Console(file=output, force_terminal=True, width=120)
    shown = BarProgress(console)
    tally = RunSummary()
    for verdict in ("valid", "invalid"):
        item = InputFile(source=f"{verdict}\x1b.dcm", relative="")
        result = BatchResult(input=item, kind=ResultKind.VERIFIED, exit_code=ExitCode.OK, verdict=verdict, reason="why")
        tally.add(result)
        shown.add(result, tally)
    shown.set_total(5)
    console.print(shown)
    written = output.getvalue()
    assert "2/5" in written
    assert "1 valid, 1 invalid" in written
    assert "invalid\\x1b.dcm: invalid; why" in written
