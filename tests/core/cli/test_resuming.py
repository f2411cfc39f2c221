"""Runs with a journal, on the command line: they go on where they stopped, and say the same of the whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import dcmseal
from dcmseal.errors import DeviceRemoved
from tests.core.cli.conftest import Ran, Run
from tests.core.cli.removable_card import PIN, Card
from tests.docs.test_json import SCHEMA

WITH_CARD = ("--key", "card:", "--passphrase-env", "CARD_PIN")
JOURNAL = ("--journal", "run.journal")


@pytest.fixture
def archive(in_folder: Path, signed: Path, tampered: Path, broken: Path, image: Path) -> Path:
    for name, source in {"1/signed": signed, "1/tampered": tampered, "2/broken": broken, "2/plain": image}.items():
        path = in_folder / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, path)
    return Path("archive")


@pytest.fixture
def images(in_folder: Path, image: Path) -> Path:
    (in_folder / "images").mkdir()
    for number in range(4):
        shutil.copy(image, in_folder / "images" / f"{number}.dcm")
    return Path("images")


def summary(ran: Ran) -> tuple[int, Any]:
    """How many lines there are before the summary, and that."""
    *files, last = (json.loads(line) for line in ran.out.splitlines())
    jsonschema.validate(last, SCHEMA, cls=jsonschema.Draft202012Validator)
    return len(files), last


def signatures(folder: Path) -> list[int]:
    return [len(dcmseal.signatures(path)) for path in sorted(folder.rglob("*.dcm"))]


def test_a_second_run_repeats_the_results_from_the_journal(run: Run, archive: Path) -> None:
    words = ("verify", archive, "--integrity-only", "--json-lines", *JOURNAL)
    first, second = run(*words), run(*words)
    assert (first.code, second.code) == (1, 1)
    (lines, before), (none, after) = summary(first), summary(second)
    assert (lines, none) == (4, 0)
    assert (before.pop("from_journal"), after.pop("from_journal")) == (0, 4)
    for each in (before, after):
        each.pop("milliseconds")
        each["context"].pop("time")
    assert before == after


def test_messages_mark_results_of_an_earlier_run(run: Run, archive: Path) -> None:
    words = ("verify", archive, "--integrity-only", *JOURNAL)
    first = run(*words).out.splitlines()
    told = run(*words).out.splitlines()
    assert told[0].startswith("4 files verified")
    earlier = "  from journal              4  not processed again"
    assert earlier in told
    # entries that need attention have the same text
    assert [line for line in told[1:] if line != earlier] == first[1:]
    assert "  archive/1/tampered: mac-differs: " in "\n".join(told)
    assert json.loads(run("journal", "export", "run.journal", "--attention").out.splitlines()[0])["signers"]


def test_shards_together_are_the_whole(run: Run, archive: Path) -> None:
    files = 0
    # one of them has no file at all
    for number in range(1, 10):
        shard = ("--shard", f"{number}/9", "--journal", f"{number}.journal")
        ran = run("verify", archive, "--integrity-only", "--json-lines", *shard)
        files += summary(ran)[1]["files"]
    assert files == 4
    assert (
        run("journal", "merge", *(f"{number}.journal" for number in range(1, 10)), "-o", "all", "--json").document[
            "files"
        ]
        == 4
    )


def test_a_card_that_is_taken_away_stops_a_run_that_goes_on_later(run: Run, images: Path, card: Card) -> None:
    words = ("sign", images, "--in-place", "--json-lines", *JOURNAL, *WITH_CARD)
    card.failures = [None, None, DeviceRemoved("the card is gone", hint="put it back")]
    ran = run(*words)
    assert (ran.code, summary(ran)[1]["stopped"]["error"]) == (6, "DeviceRemoved")
    assert signatures(images) == [1, 1, 0, 0]
    status = run("journal", "status", "run.journal", "--json").document
    assert (status["verdicts"], status["needs_attention"], status["remaining"]) == ({"signed": 2}, 0, 2)
    lines, told = summary(run(*words))
    assert (lines, told["verdicts"], told["from_journal"], told["exit_code"]) == (2, {"signed": 4}, 2, 0)
    assert signatures(images) == [1, 1, 1, 1]
    assert run("journal", "status", "run.journal", "--json").document["remaining"] == 0


@pytest.mark.usefixtures("card")
def test_results_in_a_folder_are_not_made_twice(run: Run, images: Path) -> None:
    words = ("sign", images, "-o", "out", "--json-lines", *JOURNAL, *WITH_CARD)
    assert summary(run(*words))[0] == 4
    before = {path: path.stat().st_mtime_ns for path in Path("out").iterdir()}
    ran = run(*words)
    assert (ran.code, summary(ran)[0]) == (0, 0)
    assert {path: path.stat().st_mtime_ns for path in Path("out").iterdir()} == before


@pytest.mark.parametrize("where", [("--in-place",), ("-o", "out")], ids=["in-place", "folder"])
def test_a_card_is_not_asked_for_if_nothing_is_left_to_sign(
    run: Run, images: Path, image: Path, card: Card, monkeypatch: pytest.MonkeyPatch, where: tuple[str, ...]
) -> None:
    words: tuple[str | Path, ...] = ("sign", images, *where, "--json-lines", *JOURNAL, *WITH_CARD)
    assert run(*words).code == 0
    card.absent = 1
    with monkeypatch.context() as patch:
        patch.delenv("CARD_PIN")
        ran = run(*words)
    lines, told = summary(ran)
    assert (ran.code, ran.err, lines, told["verdicts"], told["from_journal"]) == (0, "", 0, {"signed": 4}, 4)
    assert (card.opened, card.pins, card.absent) == (1, [PIN], 1)
    shutil.copy(image, images / "new.dcm")
    ran = run(*words)
    assert (ran.code, json.loads(ran.out)["error"]) == (6, "DeviceUnavailable")
    assert len(dcmseal.signatures(images / "new.dcm")) == 0
    lines, told = summary(run(*words))
    assert (lines, told["verdicts"], card.opened) == (1, {"signed": 5}, 2)
    assert signatures(images if where == ("--in-place",) else Path("out")) == [1] * 5


def test_a_first_run_that_cannot_open_its_key_begins_no_journal(run: Run, images: Path, card: Card) -> None:
    card.absent = 1
    assert run("sign", images, "--in-place", *JOURNAL, *WITH_CARD).code == 6
    assert not Path("run.journal").exists()
    assert signatures(images) == [0, 0, 0, 0]


def test_python_goes_on_with_the_journals_of_the_command_line(run: Run, images: Path, signed: Path, key: str) -> None:
    assert run("sign", images, "--in-place", *JOURNAL, "--key", key).code == 0
    assert list(dcmseal.sign_many(["images"], key=key, in_place=True, journal="run.journal")) == []
    shutil.copy(signed, images / "new.dcm")
    (result,) = dcmseal.verify_many(["images/new.dcm"], integrity_only=True, journal="verify.journal")
    assert (result.verdict, run("verify", images, "--integrity-only", "--journal", "verify.journal").code) == (
        "valid",
        0,
    )
    assert run("journal", "status", "verify.journal", "--json").document["verdicts"] == {"valid": 5}
    assert list(dcmseal.verify_many(["images"], integrity_only=True, journal="verify.journal")) == []


@pytest.mark.usefixtures("card")
def test_another_key_is_another_task(run: Run, images: Path, key: str) -> None:
    assert run("sign", images, "--in-place", *JOURNAL, *WITH_CARD).code == 0
    ran = run("sign", images, "--in-place", *JOURNAL, "--key", key)
    assert ran.code == 2
    assert "other options: key" in ran.err
    assert signatures(images) == [1, 1, 1, 1]


def test_a_journal_in_the_archive_is_none_of_its_files(run: Run, archive: Path) -> None:
    words = ("verify", archive, "--integrity-only", "--json-lines", "--journal", archive / "run.journal")
    for _ in range(2):
        assert summary(run(*words))[1]["ignored"] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shard", "1/2"], "--journal FILE"),
        (["--journal-retry"], "--journal FILE"),
        (["--journal", "run.journal", "--shard", "3/2"], "invalid shard 3/2"),
        (["--journal", "archive/1/signed"], "is not a journal"),
        (["--journal", "archive"], "not a regular file"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("archive")
def test_an_impossible_request_starts_nothing(run: Run, words: list[str], said: str) -> None:
    ran = run("verify", "archive", "--integrity-only", *words)
    assert (ran.code in (2, 5), ran.out) == (True, "")
    assert said in ran.err
    assert not Path("run.journal").exists()
