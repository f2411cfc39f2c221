"""What keeps a Data Set from having one reading, put into words (PS3.5 section 7)."""

from __future__ import annotations

from typing import Final

from dcmseal.dataset.header import Header
from dcmseal.report import Aspect, Finding, Outcome
from dcmseal.tags import tag_text

_MAX_PROBLEMS: Final = 32


class StructureProblems:
    """FORM findings about the structure of a Data Set; each code is named once for a tag, and not without end."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Finding] = {}

    def __len__(self) -> int:
        return len(self._found)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(self._found.values())

    def report_problem(self, code: str, message: str, tag: int, start: int, *, clause: str) -> Finding:
        """Keep a problem of the element, or sequence, that has a tag and stands at byte ``start``; returns it."""
        problem = Finding(
            aspect=Aspect.FORM,
            outcome=Outcome.FAILED,
            code=code,
            message=f"{tag_text(tag)} {message} (at byte {start})",
            where=tag_text(tag),
            clause=clause,
        )
        if len(self._found) < _MAX_PROBLEMS:
            self._found.setdefault((code, problem.where), problem)
        return problem

    def misread(self, header: Header, start: int) -> None:
        message = f"has VR {header.vr.decode()} and length {header.length}, which readers take differently"
        self.report_problem("length-misread", message, header.tag, start, clause="PS3.5 7.1.1")

    def misplaced(self, tag: int, start: int) -> None:
        message = "belongs to a group that has no place in a Data Set"
        self.report_problem("group-misplaced", message, tag, start, clause="PS3.5 7.1")

    def delimiter(self, tag: int, length: int, start: int) -> None:
        if length:
            self.report_problem("delimiter-length", "has a length other than 0", tag, start, clause="PS3.5 7.5")

    def disorder(self, tag: int, last: int, start: int) -> None:
        if tag == last:
            self.report_problem("duplicate-element", "stands twice in one Data Set", tag, start, clause="PS3.5 7.1")
        else:
            self.report_problem("disordered", f"stands behind {tag_text(last)}", tag, start, clause="PS3.5 7.1")
