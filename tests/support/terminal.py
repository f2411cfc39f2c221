"""Runs a command on a terminal of its own, and returns its final screen."""

from __future__ import annotations

import os
import pty
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_CONTROL = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])")


def run_on_terminal(words: Sequence[str], *, folder: Path, variables: Mapping[str, str] = {}) -> tuple[int, list[str]]:
    """Run ``dcmseal`` with these words in a folder.

    Returns:
        The exit code, and the lines on the screen, those that scrolled out of it included.
    """
    child, terminal = pty.fork()
    if not child:
        os.chdir(folder)
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40", **variables}
        os.execve(sys.executable, [sys.executable, "-m", "dcmseal", *words], environment)
    written = b"".join(iter(lambda: _read(terminal), b""))
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), draw(written.decode())


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # how Linux reports that all writers have closed
        return b""


def draw(written: str) -> list[str]:
    """The lines on the screen after all this was written to it; a line may be of any width.

    >>> draw("one\\r\\nbar\\r\\x1b[2Ktwo\\r\\n")
    ['one', 'two', '']
    """
    lines, row, column = [""], 0, 0
    at = 0
    while at < len(written):
        control = _CONTROL.match(written, at)
        if control:
            number, kind = control.groups()
            if kind == "A":
                row = max(0, row - int(number or 1))
            elif kind == "K":
                lines[row] = "" if number == "2" else lines[row][:column]
            at = control.end()
            continue
        character = written[at]
        at += 1
        if character == "\r":
            column = 0
        elif character == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        else:
            line = lines[row].ljust(column)
            lines[row] = line[:column] + character + line[column + 1 :]
            column += 1
    return lines
