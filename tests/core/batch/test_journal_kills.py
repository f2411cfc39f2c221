"""Runs that are killed, or find the disk full: after the last restart it is as if nothing had happened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dcmseal import tags
from dcmseal.batch.journal.journal_settings import JournalSettings
from dcmseal.batch.journal.run_journal import Journal
from tests.core.batch.journal_runs import sign_task
from tests.support import builder as b
from tests.support.dcmsign import Dcmtk
from tests.support.interrupted_run import InterruptedRun
from tests.support.pki import Pki

LARGE = 300_000


@pytest.fixture
def killing(tmp_path: Path, image: bytes, key: str) -> InterruptedRun:
    archive = tmp_path / "archive"
    for number in range(60):
        path = archive / str(number % 4) / f"{number:0100}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
    return InterruptedRun(archive=archive, journal=tmp_path / "run.journal", key=key, jobs=1)


@pytest.mark.parametrize(("jobs", "times"), [(1, 6), (2, 3)])
def test_killed_and_started_again(killing: InterruptedRun, dcmsign: Dcmtk, pki: Pki, jobs: int, times: int) -> None:
    killing = replace(killing, jobs=jobs)
    assert killing.kill_often(times, seed=4711) >= 1
    killing.check()
    assert all(dcmsign.verify(path, trust=pki.trust).ok for path in killing.files[::10])


def test_the_disk_of_the_files_is_full(killing: InterruptedRun) -> None:
    """For the large ones."""
    large = killing.files[::3]
    for path in large:
        data = b.file(b.image(b.Value(tags.PIXEL_DATA, "OW", bytes(LARGE))))
        path.write_bytes(data)
    errors = killing.run_with_full_disk(largest=LARGE)
    assert errors.count("cannot be written: File too large") == len(large)
    assert errors.count("free some space") == len(large)
    assert killing.status().files == len(killing.files) - len(large)
    assert all(path.read_bytes() == data for path in large)
    killing.finish()
    killing.check()


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_disk_of_the_journal_is_full(killing: InterruptedRun, jobs: int) -> None:
    killing = replace(killing, jobs=jobs)
    with Journal.open(JournalSettings(path=str(killing.journal)), sign_task(killing.key)):
        pass
    for _ in range(2):
        errors = killing.run_with_full_disk(largest=killing.journal.stat().st_size)
        assert "the journal" in errors
        assert "hint: " in errors
    killing.finish()
    killing.check()
