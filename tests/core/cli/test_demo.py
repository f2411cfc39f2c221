"""``dcmseal demo``."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from dcmseal.cli.main import COMMANDS
from tests.core.cli.conftest import Run
from tests.support.dcmsign import Dcmtk


def commands_in(text: str) -> list[list[str]]:
    return [shlex.split(line[2:]) for line in text.splitlines() if line.startswith("$ ")]


def test_the_demo_convinces_in_two_screens(run: Run, in_folder: Path, dcmsign: Dcmtk) -> None:
    ran = run("demo")
    assert (ran.code, ran.err) == (0, "")
    assert "dcmseal-demo/signed.dcm: valid" in ran.out
    assert "dcmseal-demo/tampered.dcm: invalid" in ran.out
    assert "valid for 4 of 257 elements. NOT protected: Patient's Name, Patient ID" in ran.out
    assert len(ran.out.splitlines()) <= 100
    key = in_folder / "dcmseal-demo" / "signer.key.pem"
    assert os.stat(key).st_mode & 0o777 == 0o600
    folder = key.parent
    assert dcmsign.verify(folder / "signed.dcm", trust=(folder / "authority.cert.pem",)).ok
    first, second = ((folder / name).read_bytes() for name in ("signed.dcm", "tampered.dcm"))
    differing = [one ^ other for one, other in zip(first, second, strict=True) if one != other]
    assert differing == [1]


def test_every_command_it_shows_can_be_repeated(run: Run, in_folder: Path) -> None:
    shown = commands_in(run("demo", "a folder?&%").out)
    assert len(shown) == 6
    codes = [
        run(*words[1:]).code if words[0] == "dcmseal" else subprocess.run(words, check=True).returncode
        for words in shown
    ]
    assert codes == [0, 0, 0, 0, 0, 1]
    assert {words[1] for words in shown if words[0] == "dcmseal"} <= set(COMMANDS)
    assert [path.name for path in in_folder.iterdir()] == ["a folder?&%"]


@pytest.mark.usefixtures("in_folder")
def test_as_document(run: Run) -> None:
    ran = run("demo", "demo", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.document["folder"] == "demo"
    assert [step["exit_code"] for step in ran.document["steps"]] == [0, 0, 0, 0, 0, 1]
    assert ran.document["steps"][-1]["result"]["verdict"] == "invalid"


def test_a_process_writes_one_document(tmp_path: Path) -> None:
    """Its results go to a copy of standard output, unlike those of a test."""
    words = [sys.executable, "-m", "dcmseal", "demo", "demo", "--json"]
    ran = subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    assert len(json.loads(ran.stdout)["steps"]) == 6


@pytest.mark.usefixtures("in_folder")
def test_a_folder_in_use_is_left_alone(run: Run) -> None:
    Path("full").mkdir()
    Path("full/precious").touch()
    Path("file").touch()
    assert run("demo", "full").code == 2
    assert run("demo", "file").code == 2
    assert [path.name for path in Path("full").iterdir()] == ["precious"]
    assert run("demo", "full", "--force").code == 0
    assert run("demo", "full", "--force").code == 0


@pytest.mark.usefixtures("in_folder")
def test_a_step_that_fails_is_not_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcmseal.verification.pipeline.verify_signatures", lambda *_: 1 / 0)
    ran = run("demo")
    assert ran.code == 7
    assert "internal error" in ran.err
    assert "tampered" not in ran.out


@pytest.mark.usefixtures("in_folder")
def test_a_folder_that_cannot_be_made(run: Run) -> None:
    Path("file").touch()
    ran = run("demo", "file/folder")
    assert ran.code == 5
    assert "cannot use" in ran.err


@pytest.mark.parametrize("name", ["image.dcm", "signer.key.pem", "signed.dcm"])
def test_other_files_survive_the_demo(run: Run, in_folder: Path, name: str) -> None:
    (in_folder / name).write_bytes(b"precious")
    ran = run("demo", ".", "--force")
    assert (ran.code, f"{name} exists and is not from a demo" in ran.err) == (2, True)
    assert [(each.name, each.read_bytes()) for each in in_folder.iterdir()] == [(name, b"precious")]


def test_the_folder_of_a_demo_is_used_again(run: Run, in_folder: Path) -> None:
    (in_folder / "notes").touch()
    for _ in range(2):
        assert run("demo", ".", "--force").code == 0
