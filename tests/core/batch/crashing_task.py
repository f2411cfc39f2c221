"""A task that kills its worker for certain files, and returns the process id for the others."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.result_kind import ResultKind
from dcmseal.batch.results import BatchResult
from dcmseal.errors import UsageError
from dcmseal.exit_codes import ExitCode


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashingTask:
    """Names of files that are deadly."""

    crashing: frozenset[str] = frozenset()
    log: str = ""
    """A file that gets a line for each item that is tidied up after."""
    unusable: bool = False

    @property
    def preload_modules(self) -> tuple[str, ...]:
        return ()

    @property
    def output_folder(self) -> None:
        return None

    @contextmanager
    def open(self) -> Generator[CrashingTask]:
        if self.unusable:
            raise UsageError("this cannot be done", hint="do something else")
        yield self

    def run(self, item: InputFile) -> BatchResult:
        if item.source in self.crashing:
            os.kill(os.getpid(), signal.SIGKILL)
        if item.source == "raise":
            raise MemoryError
        return BatchResult(
            input=item, kind=ResultKind.VERIFIED, exit_code=ExitCode.OK, verdict="valid", reason=str(os.getpid())
        )

    def remove_leftovers(self, item: InputFile) -> None:
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"{item.source}\n")
