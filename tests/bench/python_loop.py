"""dcmseal in a process of its own that does not use the compiled walker: a loop as for DCMTK."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import process_time
from types import TracebackType
from typing import Self

import dcmseal
from tests.bench.bench_identity import make_identity


class PythonLoopError(Exception):
    """The process failed, or did not do what it was asked."""


class PythonLoop:
    """The running process; a context manager.

    Args:
        folder: The folder with the identity of the benchmark.
    """

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.python_loop", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "DCMSEAL_COMPILED": "no"},
        )

    def run(self, operation: str, source: Path, output: Path | None = None) -> float:
        """Return the CPU milliseconds of ``verify`` or ``sign``; raises PythonLoopError if it failed."""
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise PythonLoopError("the process has no pipes")
        requests.write(f"{operation}\t{source}\t{output or ''}\n")
        requests.flush()
        answer = answers.readline()
        if not answer:
            raise PythonLoopError(f"the process failed to {operation} {source.name}")
        return float(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()


def answer_requests(folder: Path) -> None:
    """Do what each line of the standard input asks for, and print its CPU milliseconds."""
    identity = make_identity(folder)
    for line in sys.stdin:
        operation, source, output = line.rstrip("\n").split("\t")
        start = process_time()
        if operation == "verify":
            dcmseal.verify(source, integrity_only=True)
        else:
            dcmseal.sign(source, signer=identity, output=output)
        print((process_time() - start) * 1e3, flush=True)


if __name__ == "__main__":
    answer_requests(Path(sys.argv[1]))
