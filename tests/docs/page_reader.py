"""Somebody who follows a page step by step: types its commands, runs its Python, and compares what comes out."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.docs.doc_pages import Block
from tests.docs.source_codes import ROOT

_FLAGS: Final = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_MARK: Final = "\x1e"
_AFTER: Final = f"status=$?; printf '{_MARK}%d{_MARK}' $status; (exit $status)\n"
_EXPECTED_TO_FAIL: Final = "echo $?"


class ShellCommand(NamedTuple):
    """What is typed, and what the page shows of the answer; nothing shown means that it does not matter."""

    typed: str
    shown: str


def commands(code: str) -> Iterator[ShellCommand]:
    """The commands of a block: lines after ``$ ``, continued after ``> ``."""
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        first, *others = part.splitlines(keepends=True)
        typed = [first, *(line[2:] for line in others if line.startswith("> "))]
        yield ShellCommand("".join(typed), "".join(line for line in others if not line.startswith("> ")))


class PageReader:
    """Follows the blocks of one page, in one folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._environment = environment
        self._names: dict[str, Any] = {"__name__": "__main__"}

    def follow(self, block: Block) -> None:
        """Do what a block says; raises AssertionError if something else happens than it shows."""
        if block.title.startswith(("tests/", "docs/")):
            assert block.code in (ROOT / block.title).read_text("utf-8"), f"{block}: no excerpt of {block.title}"
        elif block.title:
            (self.folder / block.title).write_text(block.code, "utf-8")
        elif block.language == "console":
            self._type(block)
        elif block.language == "pycon":
            self._run_python(block)
        else:
            exec(compile(block.code, str(block), "exec"), self._names)

    def _type(self, block: Block) -> None:
        typed = list(commands(block.code))
        assert typed, f"{block}: no command"
        script = "exec 2>&1\n" + "".join(command.typed + _AFTER for command in typed) + "pwd\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=False,
            timeout=60,
        )
        *answers, folder = done.stdout.split(_MARK)
        self.folder = Path(folder.strip())
        os.chdir(self.folder)
        assert len(answers) == 2 * len(typed), f"{block}: {done.stdout}"
        for number, command in enumerate(typed):
            answer, status = answers[2 * number], int(answers[2 * number + 1])
            where = f"{block}: {command.typed}gave {status}: {answer}"
            following = typed[number + 1].typed if number + 1 < len(typed) else ""
            assert status == 0 or following.strip() == _EXPECTED_TO_FAIL, where
            if command.shown:
                assert doctest.OutputChecker().check_output(command.shown, answer, _FLAGS), where

    def _run_python(self, block: Block) -> None:
        test = doctest.DocTestParser().get_doctest(block.code, {}, str(block), str(block.page), block.line)
        test.globs = self._names
        wrong: list[str] = []
        result = doctest.DocTestRunner(optionflags=_FLAGS).run(test, out=wrong.append, clear_globs=False)
        assert result.attempted, f"{block}: no example"
        assert not result.failed, "".join(wrong)


def environment(home: Path, *installed: Path) -> dict[str, str]:
    """What a reader's shell has: the commands beside this Python first, and these folders of installed plugins."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "OPENSSL_CONF", "TMPDIR") if name in os.environ}
    beside = str(Path(sys.executable).parent)
    return kept | {
        "PATH": os.pathsep.join([beside, os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(map(str, installed)),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "100",
    }
