"""A program in a loop of its own: it answers each request with its CPU time."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self


class LoopError(Exception):
    """The program is not there, or did not do what it was asked."""


class RequestLoop:
    """The running program; a context manager.

    It reads ``OPERATION<tab>SOURCE<tab>OUTPUT`` from each line, and answers ``WALL CPU ok``, in milliseconds.

    Args:
        command: The program and its arguments.
        environment: Environment variables; None for those of this process.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._name = Path(command[0]).name
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def run(self, operation: str, source: Path, output: Path | None = None) -> float:
        """Return the CPU milliseconds of an operation; raises LoopError if it failed."""
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise LoopError("the loop has no pipes")
        requests.write(f"{operation}\t{source}\t{output or ''}\n")
        requests.flush()
        answer = answers.readline().split()
        if len(answer) != 3 or answer[2] != "ok":
            raise LoopError(f"{self._name} failed to {operation} {source.name}")
        return float(answer[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()
