"""Compiles the walker beside its sources, for the stable ABI of CPython 3.11 and later.

    python tools/compile_walker.py [OUTPUT] [COMPILER OPTION ...]

Needs a C compiler and the headers of Python. CC in the environment names another compiler.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).resolve().parent.parent / "core" / "dcmseal" / "walker"
NAME: Final = "_walker.abi3.so"
_OPTIONS: Final = ("-std=c11", "-O2", "-DNDEBUG", "-Wall", "-Wextra", "-fvisibility=hidden")


class CompileError(Exception):
    """There is no compiler, or it failed; the message is one line."""


def compile_walker(output: Path, options: Sequence[str] = ()) -> None:
    """Compile the walker.

    Args:
        output: The extension module to write; an older one is removed first.
        options: More options for the compiler.

    Raises:
        CompileError: There is no compiler, or it failed.
    """
    output.unlink(missing_ok=True)
    # how Python links extension modules: on macOS it takes more than -shared
    linker = shlex.split(sysconfig.get_config_var("LDSHARED") or "cc -shared")
    compiler = shlex.split(os.environ.get("CC", "")) or linker[:1]
    command = [
        *compiler,
        *linker[1:],
        *(*_OPTIONS, *shlex.split(sysconfig.get_config_var("CCSHARED") or ""), *options),
        f"-I{sysconfig.get_path('include')}",
        *(str(SOURCES / name) for name in ("walker.c", "_walker.c")),
        "-o",
        str(output),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except OSError as error:
        raise CompileError(f"cannot run the C compiler {compiler[0]}: {error.strerror}") from error
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if "error" in line] or ["the C compiler failed"]
        raise CompileError(lines[0]) from error


def main(arguments: Sequence[str]) -> int:
    """Compile; returns the exit code."""
    output = SOURCES / NAME
    if arguments and not arguments[0].startswith("-"):
        output, arguments = Path(arguments[0]), arguments[1:]
    try:
        compile_walker(output, arguments)
    except CompileError as error:
        print(f"tools/compile_walker.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
