"""Runs over 500 files that are killed 50 times, or find a file system of their own full: `make test-kills`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dcmseal import tags
from tests.support import builder as b
from tests.support.dcmsign import Dcmtk
from tests.support.interrupted_run import InterruptedRun
from tests.support.pki import Pki

FILES = 500
PAGE = 4096


def image(size: int) -> bytes:
    """An image of about this size."""
    rest = len(b.file(b.image(b.Value(tags.PIXEL_DATA, "OW", b""))))
    return b.file(b.image(b.Value(tags.PIXEL_DATA, "OW", bytes((size - rest) // 2 * 2))))


IMAGE = image(3 * PAGE - 100)
"""A signature makes it grow by a page."""


@pytest.fixture
def killing(tmp_path: Path, pki: Pki) -> InterruptedRun:
    key = f"pem:{pki['p256'].key_pem}?cert={pki['p256'].certificate_pem}"
    fill(tmp_path / "archive")
    return InterruptedRun(archive=tmp_path / "archive", journal=tmp_path / "run.journal", key=key, jobs=1)


def fill(archive: Path) -> None:
    for number in range(FILES):
        path = archive / f"{number % 7}" / f"{number}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(IMAGE)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_50_times(killing: InterruptedRun, dcmsign: Dcmtk, pki: Pki, jobs: int, seed: int) -> None:
    killing = replace(killing, jobs=jobs)
    killed = killing.kill_often(50, seed)
    print(f"{killed} of 50 runs were killed")
    assert killed
    killing.check()
    assert all(dcmsign.verify(path, trust=pki.trust).ok for path in killing.files)


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_command_is_killed(killing: InterruptedRun, jobs: int) -> None:
    killing = replace(killing, jobs=jobs, by_command=True)
    print(f"{killing.kill_often(10, seed=3)} of 10 runs were killed")
    killing.check()


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("room", [0, 2, 4, 6])
def test_the_journal_cannot_grow(killing: InterruptedRun, jobs: int, room: int) -> None:
    killing = replace(killing, jobs=jobs)
    errors = killing.run_with_full_disk(largest=(10 + room) * PAGE)
    assert "the journal" in errors
    killing.finish()
    killing.check()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with room for little more than the archive."""
    folder = tmp_path / "disk"
    folder.mkdir()
    size = FILES * len(IMAGE) * 3 // 2
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=False)
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here: root may")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("journal_too", [False, True])
def test_the_file_system_is_full(killing: InterruptedRun, small_disk: Path, jobs: int, *, journal_too: bool) -> None:
    archive = small_disk / "archive"
    fill(archive)
    journal = small_disk / "run.journal" if journal_too else killing.journal
    killing = replace(killing, archive=archive, journal=journal, jobs=jobs)
    ballast = small_disk / "ballast"
    room = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    # what is left is enough for some of the signatures
    ballast.write_bytes(bytes(room - 40 * PAGE))
    errors = killing.run_with_full_disk(largest=0)
    print(errors.splitlines()[0])
    assert "free" in errors
    ballast.unlink()
    killing.finish()
    killing.check()
