"""Archives: a tree with many links to one signed file of a kind, verified as a whole.

Run as a program it measures memory: ``python -m tests.bench.bench_archives FOLDER`` verifies all that is in the folder,
in one process, and prints the megabytes it took at most.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

import dcmseal
from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.result_kind import ResultDetail
from dcmseal.batch.tasks.task import VerifyTask
from dcmseal.verification.verification_options import VerifyOptions

from .memory import peak

ARCHIVE_1: Final = "archive-1"
ARCHIVE_2: Final = "archive-2"
ARCHIVE_LINES: Final = "archive-lines"
ARCHIVE_BARE: Final = "archive-bare"
ARCHIVE_RUN: Final = "archive-run"
ARCHIVE_MEMORY: Final = "archive-memory"
ARCHIVE_MEMORY_LARGE: Final = "archive-memory-large"
ARCHIVE: Final = "archive"
"""Stands for the kind where memory is measured."""
KINDS: Final = ("a_tiny", "a_ct")
SUMMARIES: Final = {
    ARCHIVE_1: "dcmseal verify FOLDER of 2,000 files, one process, wall ms a file",
    ARCHIVE_2: "the same with two processes",
    ARCHIVE_LINES: "dcmseal verify FOLDER --json-lines, one process, wall ms a file",
    ARCHIVE_BARE: "dcmseal.verify of each file, in process, CPU ms a file",
    ARCHIVE_RUN: "the same found and verified as a batch, in process",
    ARCHIVE_MEMORY: "peak memory of verifying 2,000 files, MB",
    ARCHIVE_MEMORY_LARGE: "the same of 200,000 files",
}
_FILES: Final = 2000
_MANY: Final = 200_000
_IN_A_FOLDER: Final = 500

Sample = Callable[[], float]


def iter_measures(signed: Path, command: str) -> Iterator[tuple[str, Callable[[], Sample]]]:
    """Names, and what makes the samples."""
    folder = link_tree(signed, _FILES)
    yield ARCHIVE_1, lambda: _process(folder, command, 1)
    yield ARCHIVE_LINES, lambda: _process(folder, command, 1, "--json-lines")
    yield ARCHIVE_2, lambda: _process(folder, command, 2)
    yield ARCHIVE_BARE, lambda: _cpu(lambda: _bare(folder))
    yield ARCHIVE_RUN, lambda: _cpu(lambda: _batch(folder))


def iter_memory_measures(signed: Path) -> Iterator[tuple[str, Callable[[], Sample]]]:
    """Names, and what makes the samples of memory, which take minutes."""
    yield ARCHIVE_MEMORY, lambda: _once(_memory(link_tree(signed, _FILES)))
    yield ARCHIVE_MEMORY_LARGE, lambda: _once(_memory(link_tree(signed, _MANY)))


def link_tree(signed: Path, files: int) -> Path:
    """A folder of folders with so many links to a file, made if it is not there yet; links to another go away."""
    folder = signed.parent / f"{signed.name}.{files}"
    for number in range(files):
        path = folder / f"{number // _IN_A_FOLDER:04}" / f"{number % _IN_A_FOLDER:04}.dcm"
        if path.exists() and path.samefile(signed):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        try:
            os.link(signed, path)
        except OSError:  # as many links as the file system admits
            path.write_bytes(signed.read_bytes())
    return folder


def _process(folder: Path, command: str, jobs: int, output: str = "--quiet") -> Sample:
    words = [*shlex.split(command), "verify", "--integrity-only", output, "--jobs", str(jobs), str(folder)]

    def once() -> float:
        start = perf_counter()
        subprocess.run(words, check=True, capture_output=True, text=True)
        return (perf_counter() - start) * 1e3 / _FILES

    once()
    return once


def _cpu(action: Callable[[], None]) -> Sample:
    def once() -> float:
        start = process_time()
        action()
        return (process_time() - start) * 1e3 / _FILES

    once()
    return once


def _bare(folder: Path) -> None:
    for path in folder.rglob("*.dcm"):
        dcmseal.verify(path, integrity_only=True)


def _batch(folder: Path) -> None:
    task = VerifyTask(options=VerifyOptions(integrity_only=True), detail=ResultDetail.VERDICT)
    for result in run_task(iter_inputs([str(folder)]), task, jobs=1):
        assert result.verdict == "valid"


def _memory(folder: Path) -> float:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench_archives", str(folder)], check=True, capture_output=True, text=True
    )
    return float(ran.stdout)


def _once(value: float) -> Sample:
    return lambda: value


if __name__ == "__main__":
    _batch(Path(sys.argv[1]))
    print(peak() / 1e6)
