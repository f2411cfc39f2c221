"""The pages of the documentation, and the code blocks on them.

A block is run, or a comment before it says why not: ``<!-- not run: REASON -->``. One with a title is a file: it is
written to the folder, or, if its title is a path in ``tests/`` or ``docs/``, it is an excerpt of that file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.docs.source_codes import ROOT

README: Final = ROOT / "README.md"
DOCS: Final = ROOT / "docs"
PROJECTS: Final = (DOCS / "plugin-template", DOCS / "examples")
"""Projects to copy: they are part of the repository, but not of the site."""
RUNNABLE: Final = frozenset({"console", "python", "pycon"})
"""Shell with prompts, Python, and Python with prompts and results."""
DATA: Final = frozenset({"text", "json", "toml", "yaml"})
"""What cannot be run."""

_FENCE: Final = re.compile(r'```([a-z]*)(?: title="([^"]+)")?')
_NOT_RUN: Final = re.compile(r"<!-- not run: (.+) -->")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of code."""

    page: Path
    line: int
    language: str
    title: str
    code: str
    not_run: str
    """Why it is not run; empty if it is."""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> tuple[Path, ...]:
    """All pages, the front page first."""
    return (README, *(page for page in sorted(DOCS.rglob("*.md")) if not set(PROJECTS).intersection(page.parents)))


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    lines = page.read_text("utf-8").splitlines()
    reason = ""
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        fence = _FENCE.fullmatch(line)
        if fence:
            end = lines.index("```", number)
            yield Block(
                page=page,
                line=number,
                language=fence[1],
                title=fence[2] or "",
                code="".join(f"{each}\n" for each in lines[number:end]),
                not_run=reason,
            )
            number = end + 1
            reason = ""
        elif line:
            mark = _NOT_RUN.fullmatch(line)
            reason = mark[1] if mark else ""
