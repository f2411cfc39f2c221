"""Power cuts: what a disk holds that was copied in the middle of a run has to be what the journal says of it.

The file system is one in a file. A copy of that has what was brought to disk, and lacks what the system still kept in
memory, as a disk does after the power failed. The journal is on it, too, or on another disk that lost nothing.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

import dcmseal
from dcmseal.batch.journal.journal_reader import JournalReader
from dcmseal.model.verdict import Verdict
from tests.kills.test_kills import image
from tests.support.interrupted_run import InterruptedRun
from tests.support.pki import Pki

FILES = 60
SIZE = 160 << 20
"""Bytes of the disk: btrfs has no smaller one."""
MOMENTS = (1, 15, 30, 45)
"""Files that were told of when the power fails; and once more at the end."""


@dataclass(frozen=True)
class Disk:
    """A file system in a file."""

    image: Path
    folder: Path

    def mount(self, image: Path | None = None) -> None:
        subprocess.run(["mount", "-o", "loop", image or self.image, self.folder], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", self.folder], check=True)


@pytest.fixture(params=["ext4", "btrfs"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    kind: str = request.param
    if os.getuid():
        pytest.skip("only root can mount a disk")
    make = shutil.which(f"mkfs.{kind}")
    if make is None:
        pytest.skip(f"there is no mkfs.{kind}: install e2fsprogs and btrfs-progs")
    disk = Disk(tmp_path / "disk", tmp_path / "mounted")
    disk.folder.mkdir()
    with disk.image.open("wb") as file:
        file.truncate(SIZE)
    subprocess.run([make, "-q", disk.image], check=True, stdout=subprocess.DEVNULL)
    if subprocess.run(["mount", "-o", "loop", disk.image, disk.folder], check=False).returncode:
        pytest.skip(f"no {kind} can be mounted here")
    try:
        yield disk
    finally:
        while subprocess.run(["umount", disk.folder], check=False, stderr=subprocess.DEVNULL).returncode == 0:
            pass


@pytest.mark.parametrize("journal_too", [False, True])
@pytest.mark.parametrize("jobs", [1, 2])
def test_the_power_fails(disk: Disk, pki: Pki, tmp_path: Path, jobs: int, *, journal_too: bool) -> None:
    killing = InterruptedRun(
        archive=disk.folder / "archive",
        journal=(disk.folder if journal_too else tmp_path) / "run.journal",
        key=f"pem:{pki['p256'].key_pem}?cert={pki['p256'].certificate_pem}",
        jobs=jobs,
    )
    killing.archive.mkdir()
    for number in range(FILES):
        (killing.archive / f"{number}.dcm").write_bytes(image(60_000))
    os.sync()
    with killing.start(apart=True) as run:
        assert run.stdout is not None
        moments, reported = [], 0
        for number in MOMENTS:
            reported += _count_lines(run.stdout, number - reported)
            if reported == number:
                moments.append(_copied(disk, killing, run, number))
        run.communicate()
        assert run.returncode == 0
    # nothing is synced for the sake of the copy: exit code 0 says that it was
    moments.append(_copied(disk, killing, None, FILES))
    assert len(moments) > 1
    for moment in moments:
        disk.unmount()
        disk.mount(moment / "disk")
        if not journal_too:
            for name in ("run.journal", "run.journal-journal"):
                (tmp_path / name).unlink(missing_ok=True)
                if (moment / name).exists():
                    shutil.copy(moment / name, tmp_path / name)
        if killing.journal.exists():
            _check_recorded_results(killing)
        killing.finish()
        killing.check()
        shutil.rmtree(moment)


def _count_lines(output: IO[str], limit: int) -> int:
    """Read up to this many lines, one for each file of the run; fewer when the run ends before."""
    return sum(1 for _ in itertools.takewhile(bool, (output.readline() for _ in range(limit))))


def _copied(disk: Disk, killing: InterruptedRun, run: subprocess.Popen[str] | None, number: int) -> Path:
    """The disk and the journal as they are, while the run stands still; the disk's memory is not asked for."""
    moment = disk.image.with_name(f"moment{number}")
    moment.mkdir()
    if run is not None:
        os.killpg(run.pid, signal.SIGSTOP)
        time.sleep(0.05)
    for path in (killing.journal, killing.journal.with_name("run.journal-journal")):
        if path.exists():
            shutil.copy(path, moment / path.name)
    subprocess.run(["cp", "--sparse=always", disk.image, moment / "disk"], check=True)
    if run is not None:
        os.killpg(run.pid, signal.SIGCONT)
    return moment


def _check_recorded_results(killing: InterruptedRun) -> None:
    """Every file is whole, and those that the journal calls signed are."""
    uids: dict[str, list[str]] = {}
    for path in killing.files:
        report = dcmseal.verify(path, integrity_only=True)
        assert report.verdict in (Verdict.VALID, Verdict.NO_SIGNATURE), path
        uids[str(path)] = [each.signature.uid for each in report.signatures]
    with JournalReader.open(str(killing.journal)) as journal:
        for entry in journal.iter_entries():
            assert uids[entry.source] == [entry.uid], entry.source
