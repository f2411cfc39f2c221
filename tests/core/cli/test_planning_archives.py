"""Dry runs of many files: they report the results of signing, write nothing, and open no key."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import dcmseal
from tests.core.cli.conftest import Ran, Run
from tests.core.cli.removable_card import PIN, Card, build_registry
from tests.support import builder as b

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/reference/report.schema.json").read_text("utf-8"))
CARD = ("--key", "card:")
REQUEST = ("--tag", "PatientID,SliceThickness", "--skip-signed", "any")


@pytest.fixture
def archive(in_folder: Path, signed: Path, broken: Path, image: Path) -> Path:
    """A good file, a signed one, a broken one, one without the elements to sign, and one that is not DICOM."""
    (in_folder / "archive/2").mkdir(parents=True)
    for name, source in {"signed": signed, "2/broken": broken, "2/plain": image}.items():
        shutil.copy(source, in_folder / "archive" / name)
    (in_folder / "archive/thin").write_bytes(b.file(b.image()))
    (in_folder / "archive/notes.txt").write_text("no DICOM file")
    return Path("archive")


@pytest.fixture
def card(key: str, monkeypatch: pytest.MonkeyPatch) -> Card:
    card = Card(key)
    monkeypatch.setattr("dcmseal.plugins.registry.installed_registry", build_registry(card))
    return card


def contents() -> dict[Path, Any]:
    return {path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in Path().rglob("*")}


def lines(ran: Ran) -> list[Any]:
    documents = [json.loads(line) for line in ran.out.splitlines()]
    for each in documents:
        jsonschema.validate(each, SCHEMA, cls=jsonschema.Draft202012Validator)
    return documents


def what_came_of(documents: list[Any]) -> list[tuple[str, str, int]]:
    return [(each["file"], each["document"], each.get("exit_code", 0)) for each in documents]


def test_messages_list_signable_and_unsignable_files(run: Run, archive: Path, card: Card) -> None:
    before = contents()
    ran = run("sign", archive, "--dry-run", *REQUEST, *CARD)
    assert (ran.code, ran.err) == (5, "")
    told = ran.out.splitlines()
    assert told[0].startswith("4 files checked, none signed, in ")
    assert [line.split() for line in told[1:5]] == [
        *(["planned", "1"], ["skipped", "1"], ["failed", "2"]),
        ["1", "skipped:", "not", "DICOM"],
    ]
    assert [line.partition(":")[0] for line in told[5:] if line] == [
        "failed",
        "  archive/2/broken",
        "  archive/thin",
    ]
    assert "(0018,0050) cannot be signed: it is not in the data set" in told[-1]
    assert contents() == before
    assert (card.opened, card.pins) == (0, [])


def test_a_line_for_each_file_on_request(run: Run, archive: Path, uid: str) -> None:
    ran = run("sign", archive, "--dry-run", "--verbose", *REQUEST)
    told = ran.out.splitlines()
    assert told[1] == "archive/2/plain: planned"
    assert told[2] == "archive/notes.txt: skipped; this is not a DICOM file"
    assert told[3] == f"archive/signed: skipped; signature {uid} makes another unnecessary"
    quiet = run("sign", archive, "--dry-run", "--quiet", *REQUEST)
    assert (quiet.code, quiet.out, quiet.err) == (5, "", "")


def test_json_lines_are_the_documents_of_plans(run: Run, archive: Path) -> None:
    *files, summary = lines(run("sign", archive, "--dry-run", "--json-lines", *REQUEST))
    assert what_came_of(files) == [
        ("archive/2/broken", "error", 5),
        ("archive/2/plain", "plan", 0),
        ("archive/notes.txt", "skipped", 0),
        ("archive/signed", "skipped", 0),
        ("archive/thin", "error", 2),
    ]
    assert summary["verdicts"] == {"failed": 2, "planned": 1, "skipped": 1}
    assert (summary["files"], summary["ignored"], summary["written"], summary["exit_code"]) == (4, 1, 0, 5)
    alone = run("sign", archive / "2/plain", "--dry-run", "--json", *REQUEST[:2]).document
    for each in (alone, files[1]):
        assert each["signature"].pop("uid")
        assert each["signature"].pop("datetime")
        assert each["signature"].pop("signing_time")
    assert files[1] == alone


def test_one_document_contains_all_plans(run: Run, archive: Path) -> None:
    document = run("sign", archive, "--dry-run", "--json", *REQUEST).document
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert [each["document"] for each in document["files"]] == ["error", "plan", "skipped", "skipped", "error"]


def test_signing_matches_its_dry_run(run: Run, archive: Path, card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("out/2").mkdir(parents=True)
    shutil.copy("archive/2/plain", "archive/2/taken")
    Path("out/2/taken").write_text("somebody's")
    words = ("sign", str(archive), "--output-dir", "out", "--json-lines", *REQUEST, *CARD)
    before = contents()
    *planned, _ = lines(run(*words, "--dry-run"))
    assert contents() == before
    assert "exists" in next(each for each in planned if each["file"] == "archive/2/taken")["message"]
    monkeypatch.setenv("CARD_PIN", PIN)
    *done, _ = lines(run(*words, "--passphrase-env", "CARD_PIN"))
    assert card.opened == 1
    assert [each for each in planned if each["document"] != "plan"] == [
        each for each in done if each["document"] != "signing"
    ]
    assert [each["file"] for each in done if each["document"] == "signing"] == ["archive/2/plain"]
    assert [each["document"] for each in lines(run(*words, "--dry-run", "--force"))].count("plan") == 2


def test_files_in_the_folder_of_results_are_not_looked_at(run: Run, archive: Path) -> None:
    shutil.copytree(archive, archive / "out")
    *files, _ = lines(run("sign", archive, "-o", archive / "out", "--force", "--dry-run", "--json-lines"))
    assert [each["file"] for each in files if "out" in each["file"]] == []
    assert len(files) == 5


@pytest.mark.usefixtures("archive")
def test_a_list_of_files_is_tried(run: Run) -> None:
    ran = run("sign", "--files-from", "-", "--dry-run", "--json-lines", stdin=b"archive/2/plain\nnowhere\n")
    assert what_came_of(lines(ran)[:2]) == [("archive/2/plain", "plan", 0), ("nowhere", "error", 5)]


def test_a_timestamp_is_planned_without_a_request(run: Run, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("somebody was asked")

    monkeypatch.setattr("socket.socket.connect", refuse)
    login = ("--timestamp", "https://tsa.example/", "--timestamp-login-file", "no-such-file")
    *files, _ = lines(run("sign", archive, "--in-place", "--dry-run", "--json-lines", *login))
    planned = [each["signature"]["timestamp"] for each in files if each["document"] == "plan"]
    assert len(planned) == 3
    assert all(planned)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--journal", "run.journal"], "--dry-run does not write a journal"),
        (["--shard", "1/2"], "--dry-run does not write a journal"),
        (["elsewhere"], "-o FOLDER"),
        (["--in-place", "-o", "out"], "-o FOLDER"),
        (["archive/2", "--in-place"], "twice"),
        (["--skip-signed", "profile:no-such"], "no-such"),
        (["--profile", "no-such"], "no-such"),
        (["--mac", "CRC32"], "CRC32"),
        (["--key", "no-such-setup"], "no-such-setup"),
    ],
    ids=" ".join,
)
def test_an_impossible_plan_starts_nothing(run: Run, archive: Path, words: list[str], said: str) -> None:
    before = contents()
    ran = run("sign", archive, "--dry-run", *words)
    assert ran.code in (2, 6)
    assert (ran.out, said in ran.err) == ("", True)
    assert contents() == before


def test_the_plan_uses_the_configuration_of_the_key(run: Run, archive: Path) -> None:
    Path("config.toml").write_text(
        '[keys.desk]\nuri = "card:"\nalgorithm = "SHA512"\npin-source = "file:no-such-file"\n'
    )
    Path("config.toml").chmod(0o600)
    words = ("--key", "desk", "--config", "config.toml", "--json-lines")
    *files, _ = lines(run("sign", archive / "2", "--dry-run", *words))
    assert [each["signature"]["mac"]["algorithm"] for each in files if each["document"] == "plan"] == ["SHA512"]
    assert not dcmseal.signatures(archive / "2/plain")
