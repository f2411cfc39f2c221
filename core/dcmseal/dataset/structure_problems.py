"""Findings about the structure of a Data Set that readers disagree about (PS3.5 section 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from dcmseal.dataset.header import Header
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dataset.vr import LATEST_VRS, VALUE_SIZE
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.tags import EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS, format_tag

_MAX_PROBLEMS: Final = 32
_OFFSET_TABLES: Final = (EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS)


class StructureFindings(Struct, frozen=True, kw_only=True):
    """What readers disagree about in a file."""

    problems: tuple[Finding, ...]
    unless_signed: Mapping[int, Finding]
    """Problems that do not count if the element with this tag in the main data set is signed."""
    notes: tuple[Finding, ...] = ()
    """What is unusual outside the Data Set, but unambiguous."""

    def findings(self, is_signed: Callable[[int], bool] | None = None) -> tuple[Finding, ...]:
        """Collect the problems.

        Args:
            is_signed: Tells whether the element with a tag in the main data set is signed; None if all are.
        """
        if is_signed is None or not self.unless_signed:
            return self.problems
        unsigned = [problem for tag, problem in self.unless_signed.items() if not is_signed(tag)]
        return (*self.problems, *unsigned)


NO_STRUCTURE_PROBLEMS: Final = StructureFindings(problems=(), unless_signed={})
"""The result for a file that all readers interpret in the same way."""


class StructureProblems:
    """Collects findings about the structure of a Data Set: each code once for each tag, and at most 32.

    Args:
        is_encapsulated: Whether the transfer syntax has Pixel Data in fragments (PS3.5 A.4); None if it is not known.
    """

    def __init__(self, *, is_encapsulated: bool | None) -> None:
        self._is_encapsulated = is_encapsulated
        self._found: dict[tuple[str, str], Finding] = {}
        self._unless_signed: dict[int, Finding] = {}
        self.element = 0
        """The tag of the element of the main data set that is being checked."""

    def __len__(self) -> int:
        return len(self._found)

    def findings(self, around: Sequence[Finding]) -> StructureFindings:
        """Combine the reports with findings about what is around the Data Set."""
        return StructureFindings(
            problems=(*(each for each in around if each.outcome is not Outcome.PASSED), *self._found.values()),
            unless_signed=dict(self._unless_signed),
            notes=tuple(each for each in around if each.outcome is Outcome.PASSED),
        )

    def record_problem(self, code: str, message: str, tag: int, start: int, *, clause: str) -> Finding:
        """Report a problem of the element that starts at a position; returns the finding."""
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
        message = f"has VR {header.vr.decode()} and length {header.length}, which readers interpret differently"
        self.record_problem("length-misread", message, header.tag, start, clause="PS3.5 7.1.1")

    def _add_latest_vr(self, header: Header, start: int) -> None:
        """Report an element of one of the latest VRs, unless it is signed: then readers misread what was signed."""
        message = f"has VR {header.vr.decode()}, whose length older readers misread, and is not signed"
        if self._is_encapsulated and header.tag in _OFFSET_TABLES:
            return  # the check of the fragments compares these
        problem = self._build_finding("latest-vr-unsigned", message, header.tag, start, clause="PS3.5 7.1.2")
        if exclusion_reason(header.tag):
            self._add_finding(problem)
        else:
            self._unless_signed.setdefault(self.element, problem)

    def add_misplaced_group(self, tag: int, start: int) -> None:
        message = "belongs to a group that is not allowed in a Data Set"
        self.record_problem("group-misplaced", message, tag, start, clause="PS3.5 7.1")

    def check_delimiter(self, tag: int, length: int, start: int) -> None:
        if length:
            self.record_problem("delimiter-length", "has a length other than 0", tag, start, clause="PS3.5 7.5")

    def add_disorder(self, tag: int, last: int, start: int) -> None:
        if tag == last:
            self.record_problem("duplicate-element", "occurs twice in one Data Set", tag, start, clause="PS3.5 7.1")
        else:
            message = f"is out of order, after {format_tag(last)}"
            self.record_problem("disordered", message, tag, start, clause="PS3.5 7.1")
