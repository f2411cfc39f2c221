"""DCMTK as the yardstick: its signature module in a loop, built from ``dcmtk_loop.cpp``."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from tests.bench.bench_identity import BenchIdentity
from tests.bench.request_loop import LoopError, RequestLoop

_SOURCE: Final = Path(__file__).with_name("dcmtk_loop.cpp")
_LIBRARIES: Final = ("-ldcmdsig", "-ldcmdata", "-loflog", "-lofstd", "-lcrypto")


def build(folder: Path) -> Path:
    """Compile the loop; raises LoopError if there is no compiler or no library."""
    program = folder.resolve() / "dcmtk_loop"
    command = ["g++", "-std=c++17", "-O2", str(_SOURCE), "-o", str(program), *_LIBRARIES]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise LoopError("no g++") from error
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().partition("\n")[0]
        raise LoopError(f"dcmtk_loop.cpp cannot be built (is libdcmtk-dev installed?): {reason}") from error
    return program


def open_dcmtk_loop(program: Path, identity: BenchIdentity) -> RequestLoop:
    """Start the loop, with the key and the certificate of the benchmark."""
    return RequestLoop([str(program), str(identity.key_file), str(identity.certificate_file)])
