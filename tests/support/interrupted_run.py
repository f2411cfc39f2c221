"""Signs an archive in place and kills the process: the result must be the same as without.

The run is killed at moments that a seed chooses, until it comes to its end. It tells how far it is, so that moments are
files done, and a few milliseconds more: whatever is going on then is what is interrupted.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import dcmseal
from dcmseal.batch.journal.journal_reader import JournalReader, JournalStatus
from dcmseal.model.verdict import Verdict

_DCMSEAL = Path(sys.executable).with_name("dcmseal")
_LONGEST = 300.0
_SETTLED = 20.0
"""Seconds after which no process of a run that was killed is still at work."""


@dataclass(frozen=True, kw_only=True)
class InterruptedRun:
    """An archive that is signed in place by a run with a journal."""

    archive: Path
    journal: Path
    key: str
    jobs: int
    by_command: bool = False
    """By the command line, and not by a program that has smaller chunks and tells of each file at once."""

    def start(self, largest: int = 0, *, apart: bool = False) -> subprocess.Popen[str]:
        """Start the run, always with the same command; no file gets larger than ``largest``, if that is not 0.

        ``apart`` is a group of processes of its own, so that all can be stopped at once.
        """
        command = [sys.executable, "-m", "tests.support.signing_run"]
        words = [self.archive, self.journal, self.key, self.jobs, largest]
        if self.by_command:
            command = [str(_DCMSEAL), "sign", "--in-place", "--json-lines"]
            words = [self.archive, "--journal", self.journal, "--key", self.key, "--jobs", self.jobs]
        command += map(str, words)
        variables = {**os.environ, "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=variables,
            start_new_session=apart,
        )

    def kill_after(self, files: int, seconds: float) -> bool:
        """Start the run, and kill it when it has told of so many files and some time has passed; whether it was."""
        with self.start() as run:
            assert run.stdout is not None
            for _ in range(files):
                if not run.stdout.readline():
                    break
            time.sleep(seconds)
            # not read to the end: processes of the pool may have it open still
            run.send_signal(signal.SIGKILL)
        assert run.returncode in (0, -signal.SIGKILL)
        return run.returncode != 0

    def run_with_full_disk(self, largest: int) -> str:
        """Run with a disk that is full for larger files, and return the error output."""
        with self.start(largest) as run:
            _, errors = run.communicate(timeout=_LONGEST)
        assert run.returncode != 0
        assert "Traceback" not in errors
        return errors

    def finish(self) -> None:
        """Run to the end."""
        with self.start() as run:
            _, errors = run.communicate(timeout=_LONGEST)
        assert run.returncode == 0, errors

    def kill_often(self, times: int, seed: int) -> int:
        """Kill this many runs, spread over the archive, let the last one finish, and return the number killed."""
        chance = random.Random(seed)
        # as many files as processes have in their hands are done besides
        files = len(self.files) // times // self.jobs
        killed = 0
        for _ in range(times):
            killed += self.kill_after(chance.randrange(files), chance.uniform(0, 0.01))
        self.finish()
        return killed

    @property
    def files(self) -> list[Path]:
        return sorted(self.archive.rglob("*.dcm"))

    def status(self) -> JournalStatus:
        with JournalReader.open(str(self.journal)) as journal:
            return journal.status()

    def check(self) -> None:
        """Every file is whole, signed once and valid, the journal agrees, and nothing else is there."""
        uids: dict[str, str] = {}
        for path in self.files:
            report = dcmseal.verify(path, integrity_only=True)
            assert report.verdict is Verdict.VALID, path
            (signature,) = report.signatures
            uids[str(path)] = signature.signature.uid
        assert len(set(uids.values())) == len(uids)
        with JournalReader.open(str(self.journal)) as journal:
            recorded = [(each.source, each.uid, each.summary.kind) for each in journal.iter_entries()]
        assert sorted(recorded) == [(path, uid, "signed") for path, uid in uids.items()]
        status = self.status()
        assert (status.files, status.open_intents, status.remaining) == (len(uids), 0, 0)
        self._wait_for_those_that_were_killed()
        assert [path for path in self.archive.rglob("*") if path.is_file() and path.suffix != ".dcm"] == []

    def _wait_for_those_that_were_killed(self) -> None:
        end = time.monotonic() + _SETTLED
        while time.monotonic() < end and any(self.archive.rglob("*.tmp")):
            time.sleep(0.1)
