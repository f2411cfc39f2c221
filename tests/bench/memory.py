"""Peak memory of a verification, over that of an interpreter that has the same modules imported.

Run as a program it is the interpreter that is measured: ``python -m tests.bench.memory FILE`` verifies the file,
without FILE it imports the modules that standard input names; both print peak and modules as JSON.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any


def _measured(file: Path | None, modules: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.memory", *([str(file)] if file else [])]
    run = subprocess.run(command, input="\n".join(modules), capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


def verification_peak(file: Path) -> float:
    """Megabytes that verifying the file takes."""
    verifying = _measured(file, [])
    importing = _measured(None, verifying["modules"])
    return float(verifying["peak"] - importing["peak"]) / 1e6


def peak() -> int:
    """Peak resident memory of this process in bytes.

    Not ``ru_maxrss`` where the kernel tells it another way: that one begins with the memory of the parent process.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _main() -> None:
    if len(sys.argv) > 1:
        import dcmseal

        dcmseal.verify(Path(sys.argv[1]), integrity_only=True)
    else:
        for name in sys.stdin.read().split():
            with suppress(ImportError):  # names that a module made up for itself
                importlib.import_module(name)
    modules = [name for name, module in sys.modules.items() if name != "__main__" and module is not None]
    print(json.dumps({"peak": peak(), "modules": modules}))


if __name__ == "__main__":
    _main()
