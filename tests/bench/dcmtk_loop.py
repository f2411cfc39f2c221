"""DCMTK as the yardstick: its signature module in a loop, built from ``dcmtk_loop.cpp``."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.bench.bench_identity import BenchIdentity

_SOURCE: Final = Path(__file__).with_name("dcmtk_loop.cpp")
_LIBRARIES: Final = ("-ldcmdsig", "-ldcmdata", "-loflog", "-lofstd", "-lcrypto")


class DcmtkLoopError(Exception):
    """DCMTK is missing, or it failed."""


def build(folder: Path) -> Path:
    """Compile the loop; raises DcmtkError if there is no compiler or no library."""
    program = folder.resolve() / "dcmtk_loop"
    command = ["g++", "-std=c++17", "-O2", str(_SOURCE), "-o", str(program), *_LIBRARIES]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise DcmtkLoopError("no g++") from error
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().partition("\n")[0]
        raise DcmtkLoopError(f"dcmtk_loop.cpp cannot be built (is libdcmtk-dev installed?): {reason}") from error
    return program


class DcmtkLoop:
    """The running program; a context manager."""

    def __init__(self, program: Path, identity: BenchIdentity) -> None:
        command = [str(program), str(identity.key_file), str(identity.certificate_file)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, operation: str, source: Path, output: Path | None = None) -> float:
        """CPU milliseconds of ``verify``, ``sign`` or ``signsave``; raises DcmtkError if it failed."""
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise DcmtkLoopError("the loop has no pipes")
        requests.write(f"{operation}\t{source}\t{output or ''}\n")
        requests.flush()
        answer = answers.readline().split()
        if len(answer) != 3 or answer[2] != "ok":
            raise DcmtkLoopError(f"DCMTK failed to {operation} {source.name}")
        return float(answer[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()
