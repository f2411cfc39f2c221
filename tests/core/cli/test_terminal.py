"""Runs over many files on a terminal, where a progress bar is shown, and runs that are stopped with Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.terminal import run_on_terminal

NAMES = tuple(f"{number}.dcm" for number in range(5))


@pytest.fixture
def archive(tmp_path: Path, signed: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    for name in NAMES:
        os.link(signed, folder / name)
    return folder


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["list", "archive"], "archive/{name}:  main  2.25."),
        (["verify", "-v", "archive", "--integrity-only"], "archive/{name}: valid"),
        (["sign", "-v", "archive", "-o", "out"], "out/{name}: signed"),
    ],
    ids=["list", "verify", "sign"],
)
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.usefixtures("archive")
def test_the_progress_bar_erases_no_result(words: list[str], shown: str, jobs: str, key: str, tmp_path: Path) -> None:
    keys = ["--key", key] if words[0] == "sign" else []
    code, lines = run_on_terminal([*words, "--jobs", jobs, *keys], folder=tmp_path)
    assert code == 0
    for name in NAMES:
        expected = shown.format(name=name)
        assert [line for line in lines if line.startswith(expected)], (name, lines)
    assert not any("\u2501" in line for line in lines), "the bar is gone"
    assert any(line.startswith("5 files ") for line in lines)


@pytest.fixture
def large_archive(tmp_path: Path, signed: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(3000):
        os.link(signed, folder / f"{number:04}")
    return folder


@pytest.mark.parametrize("journal", [[], ["--journal", "run.journal"]], ids=["without a journal", "with a journal"])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_shows_totals_and_how_to_continue(
    jobs: str, journal: list[str], large_archive: Path, tmp_path: Path
) -> None:
    words = ["verify", large_archive.name, "--integrity-only", "-v", "--jobs", jobs, *journal]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "dcmseal", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    ) as running:
        assert running.stdout is not None
        for _ in range(10):
            assert running.stdout.readline().endswith(": valid\n")
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    totals, valid = [line for line in out.splitlines() if ": valid" not in line][:2]
    done = int(totals.split()[0])
    assert totals.startswith(f"{done} files verified in ")
    assert 10 <= done < 3000
    assert valid.split() == ["valid", str(done)]
    error, hint = err.splitlines()
    assert error == "dcmseal: stopped: interrupted"
    assert ("run the same command again to continue" in hint) is bool(journal)
    assert ("--journal FILE" in hint) is not bool(journal)


@pytest.mark.parametrize(
    ("words", "totals"),
    [
        (["verify", "0.dcm", "pipe", "1.dcm", "--integrity-only"], "1 of 3 files verified"),
        (["sign", "0.dcm", "pipe", "1.dcm", "-o", "out"], "1 of 3 files signed"),
    ],
    ids=["verify", "sign"],
)
def test_ctrl_c_shows_totals_of_files_given_one_by_one(
    words: list[str], totals: str, signed: Path, key: str, tmp_path: Path
) -> None:
    for name in ("0.dcm", "1.dcm"):
        os.link(signed, tmp_path / name)
    os.mkfifo(tmp_path / "pipe")
    keys = ["--key", key] if words[0] == "sign" else []
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "dcmseal", *words, *keys],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    ) as running:
        assert running.stdout is not None
        # then it waits until the pipe is opened for writing
        assert "0.dcm: " in running.stdout.readline()
        os.killpg(running.pid, signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert out.splitlines()[-1] == totals
    error, hint = err.splitlines()
    assert error == "dcmseal: stopped: interrupted"
    assert "--journal FILE" in hint
    assert (tmp_path / "out" / "0.dcm").exists() is (words[0] == "sign")
    assert not (tmp_path / "out" / "1.dcm").exists()
