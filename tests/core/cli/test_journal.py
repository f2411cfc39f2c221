"""``dcmseal journal``: what journals say, for people and for programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.inputs.shard import Shard
from dcmseal.batch.journal.journal_export import _format_csv_row
from dcmseal.batch.journal.journal_settings import JournalSettings
from dcmseal.batch.journal.run_journal import Journal
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.tasks.task import VerifyTask
from dcmseal.verification.verification_options import VerifyOptions
from tests.core.cli.conftest import Run
from tests.docs.test_json import SCHEMA

VERIFY = VerifyTask(options=VerifyOptions(integrity_only=True))


@pytest.fixture
def archive(in_folder: Path, signed: Path, tampered: Path, broken: Path) -> Path:
    folder = in_folder / "archive"
    folder.mkdir()
    for name, source in (("a", signed), ("b", tampered), ("c", broken), ("d", signed), ("=e,\n", signed)):
        (folder / f"{name}.dcm").write_bytes(source.read_bytes())
    return folder


@pytest.fixture
def make_journal(archive: Path) -> Callable[..., str]:
    assert archive.name == "archive"

    def make(name: str = "run.journal", shard: Shard | None = None) -> str:
        with Journal.open(JournalSettings(path=name, shard=shard), VERIFY) as journal:
            list(run_task(iter_inputs(["archive"]), VERIFY, journal=journal, jobs=1))
        return name

    return make


def test_status_is_shown(run: Run, make_journal: Callable[..., str]) -> None:
    ran = run("journal", "status", make_journal())
    assert (ran.code, ran.err) == (0, "")
    lines = {line[:16].strip(): line[16:] for line in ran.out.splitlines()[1:]}
    assert ran.out.startswith("run.journal: verify, 5 files\n")
    assert (lines["valid"], lines["invalid"], lines["failed"], lines["left"]) == ("3", "1", "1", "0")
    assert lines["problems"].startswith("2: dcmseal journal export run.journal --attention")


def test_status_and_lines_are_documents_of_the_schema(run: Run, make_journal: Callable[..., str]) -> None:
    status = run("journal", "status", make_journal(), "--json").document
    lines = run("journal", "export", "run.journal").out.splitlines()
    for document in (status, *map(json.loads, lines)):
        jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert status["verdicts"] == {"valid": 3, "failed": 1, "invalid": 1}
    assert sum(each["files"] for each in status["results"]) == len(lines) == 5


def test_files_that_need_attention_are_exported_with_their_documents(
    run: Run, make_journal: Callable[..., str]
) -> None:
    ran = run("journal", "export", make_journal(), "--attention", "-o", "attention.jsonl")
    assert (ran.code, ran.out) == (0, "")
    told = [json.loads(line) for line in Path("attention.jsonl").read_text().splitlines()]
    assert [(each["file"], each["result"]["document"]) for each in told] == [
        ("archive/b.dcm", "verdict"),
        ("archive/c.dcm", "error"),
    ]
    assert run("journal", "export", "run.journal", "-o", "attention.jsonl").code == 2


def test_values_are_separated_by_commas(run: Run, make_journal: Callable[..., str]) -> None:
    ran = run("journal", "export", make_journal(), "--csv")
    rows = list(csv.DictReader(ran.out.splitlines(keepends=True)))
    assert {row["file"]: row["verdict"] for row in rows} == {
        "archive/=e,\\n.dcm": "valid",
        **{f"archive/{name}.dcm": "valid" for name in "ad"},
        "archive/b.dcm": "invalid",
        "archive/c.dcm": "failed",
    }


@pytest.mark.parametrize(
    "name", ["=cmd()", "+1", "-1", "@sum", "\uff1d1", "\x1b[2J", "\x85", "\u202egpj", "\r=1", "\udcff"]
)
def test_control_characters_in_a_table_are_escaped(name: str) -> None:
    row = _format_csv_row((name, f"a{name}", 7, -7))
    assert row.removesuffix("\r\n").isprintable()
    first, second, *numbers = next(csv.reader([row]))
    assert first[0] not in "=+-@\uff1d"
    assert second.startswith("a")
    assert numbers == ["7", "-7"]


def test_shards_are_merged(run: Run, make_journal: Callable[..., str]) -> None:
    names = [make_journal(f"{number}.journal", Shard(number=number, count=3)) for number in (1, 2)]
    ran = run("journal", "merge", *names, "-o", "merged.journal", "--json")
    assert ran.code == 0
    assert "the journals of these shards are missing: 3/3" in ran.err
    names.append(make_journal("3.journal", Shard(number=3, count=3)))
    ran = run("journal", "merge", *names, "-o", "whole.journal", "--json")
    assert (ran.code, ran.err, ran.document["files"], ran.document["remaining"]) == (0, "", 5, 0)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["status", "none"], 5, "does not exist"),
        (["status", "archive/a.dcm"], 5, "is not a journal"),
        (["export", "archive"], 5, "not a regular file"),
        (["merge", "archive/a.dcm", "-o", "merged"], 5, "is not a journal"),
        (["merge", "archive/a.dcm"], 2, "-o"),
        (["status", "a", "b"], 2, "expected one journal"),
    ],
)
def test_an_impossible_request_is_reported(run: Run, archive: Path, words: list[str], code: int, said: str) -> None:
    assert archive.exists()
    ran = run("journal", *words)
    assert ran.code == code
    assert said in ran.err
    assert ran.err.splitlines()[1].startswith("hint: ")


def test_a_journal_of_others_is_shown_with_a_warning_and_not_taken_up(
    run: Run, make_journal: Callable[..., str]
) -> None:
    path = Path(make_journal())
    path.chmod(0o666)
    for action in ("status", "export"):
        ran = run("journal", action, str(path))
        assert ran.code == 0
        assert "do not rely on the journal run.journal: others can write" in ran.err
    ran = run("journal", "merge", str(path), "-o", "merged.journal")
    assert (ran.code, Path("merged.journal").exists()) == (5, False)
    ran = run("verify", "archive", "--integrity-only", "--journal", str(path))
    assert (ran.code, ran.out) == (5, "")
    assert "is not trusted" in ran.err
    assert "hint: chmod go-w" in ran.err
