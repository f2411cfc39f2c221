"""What is wrong with a configuration file, and in which line; values are never repeated, for one might be a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

Keys: TypeAlias = tuple[str, ...]
"""The names that lead to a value, as in ``keys``, ``reading-room``, ``uri``."""

_NAME: Final = r"""(?:[A-Za-z0-9_-]+|"[^"\\]*"|'[^']*')"""
_DOTTED: Final = rf"{_NAME}(?:[ \t]*\.[ \t]*{_NAME})*"
_HEADER: Final = re.compile(rf"[ \t]*\[\[?[ \t]*({_DOTTED})[ \t]*\]")
_ASSIGNMENT: Final = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")
_LONG_QUOTES: Final = re.compile("\"\"\"|'''")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with the file."""

    message: str
    hint: str
    where: str = ""
    """The table and key, as in ``keys.reading-room.uri``; empty if it is the file as a whole."""
    line: int = 0
    """Counted from 1; 0 if it is none in particular."""

    def __str__(self) -> str:
        line = f"line {self.line}: " if self.line else ""
        where = f"{self.where}: " if self.where else ""
        return f"{line}{where}{self.message}"


class Problems:
    """Collects problems while a file is read."""

    def __init__(self, text: str) -> None:
        self._lines = _line_numbers(text.split("\n"))
        self._problems: list[Problem] = []

    def add(self, keys: Keys, message: str, hint: str) -> None:
        """Note a problem with what these names lead to."""
        known = next((keys[:end] for end in range(len(keys), 0, -1) if keys[:end] in self._lines), ())
        line = self._lines.get(known, 0)
        self._problems.append(Problem(message=message, hint=hint, where=".".join(keys), line=line))

    def sorted_by_line(self) -> tuple[Problem, ...]:
        """What was found, from the first line on."""
        return tuple(sorted(self._problems, key=lambda problem: problem.line))


def _line_numbers(lines: Iterable[str]) -> dict[Keys, int]:
    """In which line each table and key stands; tomllib does not say. A line inside a long text counts for none."""
    numbers: dict[Keys, int] = {}
    table: Keys = ()
    inside_text = False
    for number, line in enumerate(lines, 1):
        if not inside_text:
            header, assignment = _HEADER.match(line), _ASSIGNMENT.match(line)
            if header:
                table = tuple(_names(header[1]))
                for end in range(1, len(table) + 1):
                    numbers.setdefault(table[:end], number)
            elif assignment:
                numbers.setdefault((*table, *_names(assignment[1])), number)
        inside_text ^= len(_LONG_QUOTES.findall(line)) % 2 == 1
    return numbers


def _names(dotted: str) -> Iterator[str]:
    for name in re.findall(_NAME, dotted):
        yield name[1:-1] if name[0] in "\"'" else name
