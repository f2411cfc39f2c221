"""Damaged files in folders: each is a failed result in every output of every command."""

from __future__ import annotations

import csv
import json
import os
import shutil
from io import StringIO
from pathlib import Path

import pytest

from tests.core.cli.conftest import Run

DAMAGED = {
    "empty.dcm": b"",
    "text.dcm": b"this was an image once",
    "zeros.DCM": bytes(4096),
    "1.2.840.113619.2.1": bytes(400),
    os.fsdecode(b"name\xff\n.dcm"): b"<html>404</html>",
    "preamble": bytes(128) + b"DICM",
    "no-meta": bytes(128) + b"DICM" + bytes(4096),
    "IN_SET": bytes(4096),
}
"""With the names that say so; of the others, the prefix or the DICOMDIR does."""


@pytest.fixture
def archive(in_folder: Path, signed: Path) -> Path:
    folder = in_folder / "archive"
    folder.mkdir()
    shutil.copy(signed, folder / "good.dcm")
    (folder / "torn").write_bytes(signed.read_bytes()[:-20])
    for name, data in DAMAGED.items():
        (folder / name).write_bytes(data)
    (folder / "notes.txt").write_text("no DICOM")
    (folder / "thumbnail").write_bytes(b"")
    (folder / "gone").symlink_to("nowhere")
    from tests.core.batch.test_discovery import dicomdir

    dicomdir(folder, "IN_SET", "LOST")
    return Path("archive")


FAILED = sorted(f"archive/{name}".replace("\udcff", "\ufffd") for name in (*DAMAGED, "torn", "gone", "LOST"))
"""As JSON documents show them."""
SKIPPED = ["archive/notes.txt", "archive/thumbnail"]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("words", ["archive", "archive/*"])
@pytest.mark.parametrize(
    "command",
    [
        ["verify", "--integrity-only"],
        ["list"],
        ["sign", "--dry-run"],
        ["sign", "--in-place"],
        ["verify", "--integrity-only", "--journal", "run.journal"],
        ["verify", "--integrity-only", "--jobs", "2"],
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("archive")
def test_each_is_a_failed_result(run: Run, key: str, command: list[str], words: str) -> None:
    signing = ["--key", key] if "--in-place" in command else []
    ran = run(command[0], words, *command[1:], *signing, "--json-lines")
    *files, summary = [json.loads(line) for line in ran.out.splitlines()]
    assert sorted(each["file"] for each in files if each["document"] == "error") == FAILED
    assert sorted(each["file"] for each in files if each.get("kind") == "ignored") == SKIPPED
    assert (summary["verdicts"]["failed"], summary["ignored"]) == (len(FAILED), len(SKIPPED))
    assert (ran.code, summary["exit_code"]) == (5, 5)


def test_messages_for_people(run: Run, archive: Path) -> None:
    ran = run("verify", archive, "--integrity-only")
    assert ran.code == 5
    told = ran.out.splitlines()
    assert "  2 skipped: not DICOM" in told
    failed = [line.split(":")[0] for line in told[told.index("failed:") + 1 :]]
    assert len(failed) == len(FAILED), "one line each, whatever is in the name"
    assert "archive/notes.txt: skipped; this is not a DICOM file" in run("list", archive, "-v").out.splitlines()
    assert "skipped;" not in run("list", archive).out


def test_the_page_names_them(run: Run, archive: Path) -> None:
    assert run("verify", archive, "--integrity-only", "-q", "--html", "page.html").code == 5
    page = Path("page.html").read_text("utf-8")
    assert all(name in page for name in ("archive/empty.dcm", "archive/LOST", "archive/IN_SET", "archive/gone"))
    assert "2 further files" in page


def test_a_journal_keeps_them_and_a_second_run_says_the_same(run: Run, archive: Path) -> None:
    words = ("verify", archive, "--integrity-only", "--json-lines", "--journal", "run.journal")
    for _ in range(2):
        ran = run(*words)
        summary = json.loads(ran.out.splitlines()[-1])
        assert (ran.code, summary["verdicts"]["failed"], summary["ignored"]) == (5, len(FAILED), len(SKIPPED))
        exported = run("journal", "export", "run.journal", "--csv").raw.decode("utf-8", "replace")
        rows = list(csv.DictReader(StringIO(exported, newline="")))
        failed = [row for row in rows if row["verdict"] == "failed"]
        assert len(failed) == len(FAILED)
        assert {row["exit_code"] for row in failed} == {"5"}
        assert {row["size"] for row in failed if row["file"] in ("archive/gone", "archive/LOST")} == {""}
    status = run("journal", "status", "run.journal", "--json").document
    assert (status["remaining"], status["verdicts"]["failed"]) == (0, len(FAILED))
    (archive / "gone").unlink()
    assert run(*words).code == 5
    status = run("journal", "status", "run.journal", "--json").document
    assert status["verdicts"]["failed"] == len(FAILED) - 1


def test_shards_lose_none_of_them(run: Run, archive: Path) -> None:
    seen: set[str] = set()
    for number in (1, 2):
        shard = ("--shard", f"{number}/2", "--journal", f"{number}.journal")
        ran = run("verify", archive, "--integrity-only", "--json-lines", *shard)
        assert ran.code == 5
        documents = [json.loads(line) for line in ran.out.splitlines()]
        seen.update(each["file"] for each in documents if each["document"] == "error")
    assert sorted(seen) == FAILED
    assert run("journal", "merge", "1.journal", "2.journal", "--output", "all.journal").code == 0
    status = run("journal", "status", "all.journal", "--json").document
    assert (status["remaining"], status["verdicts"]["failed"]) == (0, len(FAILED))


def test_skipped_files_are_verified_if_they_must_be_dicom(run: Run, archive: Path) -> None:
    journal = ("--integrity-only", "--json-lines", "--journal", "run.journal")
    assert run("verify", archive, *journal).code == 5
    ran = run("verify", archive / "notes.txt", *journal)
    assert ran.code == 5
    assert json.loads(ran.out.splitlines()[0])["document"] == "error"
