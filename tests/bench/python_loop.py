"""dcmseal in a process of its own that does not use the compiled walker."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from time import perf_counter, process_time

import dcmseal
from tests.bench.bench_identity import make_identity
from tests.bench.request_loop import RequestLoop


def open_python_loop(folder: Path) -> RequestLoop:
    """Start the process, with the identity of the benchmark in a folder."""
    command = [sys.executable, "-m", "tests.bench.python_loop", str(folder)]
    return RequestLoop(command, {**os.environ, "DCMSEAL_COMPILED": "no"})


def answer_requests(folder: Path) -> None:
    """Do what each line of the standard input asks for, and answer as RequestLoop expects."""
    identity = make_identity(folder)
    for line in sys.stdin:
        operation, source, output = line.rstrip("\n").split("\t")
        wall, cpu = perf_counter(), process_time()
        if operation == "verify":
            dcmseal.verify(source, integrity_only=True)
        else:
            dcmseal.sign(source, signer=identity, output=output)
        print((perf_counter() - wall) * 1e3, (process_time() - cpu) * 1e3, "ok", flush=True)


if __name__ == "__main__":
    answer_requests(Path(sys.argv[1]))
