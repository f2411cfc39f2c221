"""``dcmseal remove``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import dcmseal
from tests.core.cli.conftest import Run


def test_removing_all_gives_the_file_that_was_signed(run: Run, signed: Path, image: Path, tmp_path: Path) -> None:
    ran = run("remove", signed, tmp_path / "plain.dcm", "--all")
    assert ran.code == 0
    assert ran.out.startswith(f"{signed}: removed 1 signature\n")
    assert (tmp_path / "plain.dcm").read_bytes() == image.read_bytes()


@pytest.mark.parametrize("words", [["IN", "OUT", "--uid", "UID"], ["UID", "IN", "OUT"], ["--uid", "UID", "IN", "OUT"]])
def test_removing_one(run: Run, signed_twice: Path, uids: list[str], tmp_path: Path, words: list[str]) -> None:
    out = tmp_path / "out.dcm"
    known = {"IN": str(signed_twice), "OUT": str(out), "UID": uids[0]}
    assert run("remove", *(known.get(word, word) for word in words)).code == 0
    assert [each.uid for each in dcmseal.signatures(out)] == uids[1:]


def test_removing_several_in_place(run: Run, signed_twice: Path, uids: list[str], image: Path, tmp_path: Path) -> None:
    path = tmp_path / "file.dcm"
    shutil.copy(signed_twice, path)
    ran = run("remove", path, "--in-place", "--uid", uids[0], "--uid", uids[1], "--json")
    assert ran.code == 0
    assert [each["uid"] for each in ran.document["removed"]] == uids
    assert path.read_bytes() == image.read_bytes()


def test_standard_streams(run: Run, signed: Path, image: Path) -> None:
    ran = run("remove", "-", "-", "--all", stdin=signed.read_bytes())
    assert (ran.code, ran.raw) == (0, image.read_bytes())
    assert ran.err.startswith("standard input: removed 1 signature\n")


def test_nothing_to_remove(run: Run, image: Path, tmp_path: Path) -> None:
    ran = run("remove", image, tmp_path / "out.dcm", "--all")
    assert (ran.code, ran.out) == (3, f"{image}: no signature\n")
    assert (tmp_path / "out.dcm").read_bytes() == image.read_bytes()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["IN", "OUT"], 2),
        (["IN", "--all"], 2),
        (["IN", "IN", "--all"], 2),
        (["IN", "THERE", "--all"], 2),
        (["IN", "OUT", "THERE", "--all"], 2),
        (["IN", "OUT", "--all", "--uid", "1.2.3"], 2),
        (["IN", "OUT", "--all", "--in-place"], 2),
        (["IN", "-", "--all", "--json"], 2),
        (["IN", "OUT", "--uid", "1.2.3"], 3),
        (["NONE", "OUT", "--all"], 5),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_refused_request_writes_nothing(run: Run, signed: Path, in_folder: Path, words: list[str], code: int) -> None:
    names = {"IN": "in.dcm", "OUT": "out.dcm", "THERE": "there.dcm", "NONE": "none.dcm"}
    shutil.copy(signed, "in.dcm")
    Path("there.dcm").write_bytes(b"precious")
    ran = run("remove", *(names.get(word, word) for word in words))
    assert ran.code == code
    assert ran.err.startswith("dcmseal: ")
    assert sorted(path.name for path in in_folder.iterdir()) == ["in.dcm", "there.dcm"]
    assert Path("in.dcm").read_bytes() == signed.read_bytes()
    assert Path("there.dcm").read_bytes() == b"precious"
