"""What keeps a Data Set from having one reading, put into words (PS3.5 section 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dcmseal.dataset.header import Header
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dataset.vr import LATEST_VRS, VALUE_SIZE
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.tags import EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS, format_tag

_MAX_PROBLEMS: Final = 32
_OFFSET_TABLES: Final = (EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS)


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureFindings:
    """What gives a Data Set more than one reading; nothing if it has one."""

    problems: tuple[Finding, ...]
    unless_signed: Mapping[int, Finding]
    """Problems that go away if the element of this tag at the main level is signed."""
    notes: tuple[Finding, ...] = ()
    """What is odd around the Data Set, and read alike by all."""

    def findings(self, is_signed: Callable[[int], bool] | None = None) -> tuple[Finding, ...]:
        """The problems, if this tells of each tag of the main level whether it is signed; None if all are."""
        if is_signed is None or not self.unless_signed:
            return self.problems
        unsigned = [problem for tag, problem in self.unless_signed.items() if not is_signed(tag)]
        return (*self.problems, *unsigned)


SOUND_STRUCTURE: Final = StructureFindings(problems=(), unless_signed={})
"""That of a Data Set with one reading."""


class StructureProblems:
    """FORM findings about the structure of a Data Set; each code is named once for a tag, and not without end."""

    def __init__(self, *, is_encapsulated: bool | None) -> None:
        self._is_encapsulated = is_encapsulated
        self._found: dict[tuple[str, str], Finding] = {}
        self._unless_signed: dict[int, Finding] = {}
        self.element = 0
        """Tag of the main level's element that is looked at."""

    def __len__(self) -> int:
        return len(self._found)

    def findings(self, around: Sequence[Finding]) -> StructureFindings:
        """What was reported, and what was found around the Data Set."""
        return StructureFindings(
            problems=(*(each for each in around if each.outcome is not Outcome.PASSED), *self._found.values()),
            unless_signed=dict(self._unless_signed),
            notes=tuple(each for each in around if each.outcome is Outcome.PASSED),
        )

    def record_problem(self, code: str, message: str, tag: int, start: int, *, clause: str) -> Finding:
        """Keep a problem of the element, or sequence, that has a tag and stands at byte ``start``; returns it."""
        problem = self._build_finding(code, message, tag, start, clause=clause)
        self._add_finding(problem)
        return problem

    def _build_finding(self, code: str, message: str, tag: int, start: int, *, clause: str) -> Finding:
        return Finding(
            aspect=Aspect.FORM,
            outcome=Outcome.FAILED,
            code=code,
            message=f"{format_tag(tag)} {message} (at byte {start})",
            where=format_tag(tag),
            clause=clause,
        )

    def _add_finding(self, problem: Finding) -> None:
        if len(self._found) < _MAX_PROBLEMS:
            self._found.setdefault((problem.code, problem.where), problem)

    def add_ambiguous_length(self, header: Header, start: int) -> None:
        if header.vr in LATEST_VRS and not header.length % VALUE_SIZE.get(header.vr, 2):
            self._add_latest_vr(header, start)
            return
        message = f"has VR {header.vr.decode()} and length {header.length}, which readers take differently"
        self.record_problem("length-misread", message, header.tag, start, clause="PS3.5 7.1.1")

    def _add_latest_vr(self, header: Header, start: int) -> None:
        """An element of one of the latest VRs: it does no harm where it is signed, for all misread what was signed."""
        message = f"has VR {header.vr.decode()}, which older readers take for a short one, and is not signed"
        if self._is_encapsulated and header.tag in _OFFSET_TABLES:
            return  # they have to fit the fragments
        problem = self._build_finding("latest-vr-unsigned", message, header.tag, start, clause="PS3.5 7.1.2")
        if exclusion_reason(header.tag):
            self._add_finding(problem)
        else:
            self._unless_signed.setdefault(self.element, problem)

    def add_misplaced(self, tag: int, start: int) -> None:
        message = "belongs to a group that has no place in a Data Set"
        self.record_problem("group-misplaced", message, tag, start, clause="PS3.5 7.1")

    def check_delimiter(self, tag: int, length: int, start: int) -> None:
        if length:
            self.record_problem("delimiter-length", "has a length other than 0", tag, start, clause="PS3.5 7.5")

    def add_disorder(self, tag: int, last: int, start: int) -> None:
        if tag == last:
            self.record_problem("duplicate-element", "stands twice in one Data Set", tag, start, clause="PS3.5 7.1")
        else:
            self.record_problem("disordered", f"stands behind {format_tag(last)}", tag, start, clause="PS3.5 7.1")
