"""Problems of a configuration file, with line numbers; messages never repeat values, which might be secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from msgspec import Struct

KeyPath: TypeAlias = tuple[str, ...]
"""The path of a value, such as ``keys``, ``reading-room``, ``uri``."""

_NAME: Final = r"""(?:[A-Za-z0-9_-]+|"[^"\\]*"|'[^']*')"""
_DOTTED: Final = rf"{_NAME}(?:[ \t]*\.[ \t]*{_NAME})*"
_HEADER: Final = re.compile(rf"[ \t]*\[\[?[ \t]*({_DOTTED})[ \t]*\]")
_ASSIGNMENT: Final = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")
_LONG_QUOTES: Final = re.compile("\"\"\"|'''")


class ConfigProblem(Struct, frozen=True, kw_only=True):
    """One problem of the file."""

    message: str
    hint: str
    where: str = ""
    """The table and key, such as ``keys.reading-room.uri``; empty if it concerns the whole file."""
    line: int = 0
    """Counted from 1; 0 if it concerns no particular line."""

    def __str__(self) -> str:
        line = f"line {self.line}: " if self.line else ""
        where = f"{self.where}: " if self.where else ""
        return f"{line}{where}{self.message}"


class ProblemCollector:
    """Collects problems while a file is read."""

    def __init__(self, text: str) -> None:
        self._lines = _find_key_lines(text.split("\n"))
        self._problems: list[ConfigProblem] = []

    def add(self, keys: KeyPath, message: str, hint: str) -> None:
        """Add a problem with the value at a path."""
        known = next((keys[:end] for end in range(len(keys), 0, -1) if keys[:end] in self._lines), ())
        line = self._lines.get(known, 0)
        self._problems.append(ConfigProblem(message=message, hint=hint, where=".".join(keys), line=line))

    def sorted_by_line(self) -> tuple[ConfigProblem, ...]:
        """All problems, in order of lines."""
        return tuple(sorted(self._problems, key=lambda problem: problem.line))


def _find_key_lines(lines: Iterable[str]) -> dict[KeyPath, int]:
    """The line of each table and key, which tomllib does not report; lines inside multi-line text are skipped."""
    numbers: dict[KeyPath, int] = {}
    table: KeyPath = ()
    inside_text = False
    for number, line in enumerate(lines, 1):
        if not inside_text:
            header, assignment = _HEADER.match(line), _ASSIGNMENT.match(line)
            if header:
                table = tuple(_split_dotted_key(header[1]))
                for end in range(1, len(table) + 1):
                    numbers.setdefault(table[:end], number)
            elif assignment:
                numbers.setdefault((*table, *_split_dotted_key(assignment[1])), number)
        inside_text ^= len(_LONG_QUOTES.findall(line)) % 2 == 1
    return numbers


def _split_dotted_key(dotted: str) -> Iterator[str]:
    for name in re.findall(_NAME, dotted):
        yield name[1:-1] if name[0] in "\"'" else name
