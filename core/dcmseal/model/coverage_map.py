"""The coverage map: a Data Set as a tree, in which every Data Element says which signatures protect it.

>>> from dcmseal import map_coverage, verify
>>> coverage = map_coverage("signed-in-part.dcm", verify("signed-in-part.dcm", integrity_only=True))
>>> [element.covered_by for element in coverage.elements if element.tag == 0x7FE00010]
[(1,)]
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from dcmseal.dictionary import tag_name
from dcmseal.model.report import CoverageGap, ObjectCoverage
from dcmseal.model.verdict import Verdict
from dcmseal.tags import format_tag


class CoverState(StrEnum):
    """How far a Data Element is protected."""

    COVERED = "covered"
    """By a signature that holds: of its own level, or of an enclosing sequence."""
    BROKEN = "broken"
    """Only by signatures that do not hold, and so protect nothing."""
    PARTLY = "partly"
    """A sequence that is not signed itself, but holds elements that are."""
    UNCOVERED = "uncovered"
    """By none."""
    UNSIGNABLE = "unsignable"
    """By none, and no signature could (PS3.3 C.12.1.1.3.1.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedSignature:
    """A signature as the map numbers it, from 1, in the order of the verification report."""

    number: int
    uid: str
    location: str
    verdict: Verdict
    is_valid: bool
    """Whether it counts as cover: its MAC matches, and nothing makes it invalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedElement:
    """A Data Element, or several alike that were folded into one."""

    tag: int
    vr: str
    cover: CoverState
    covered_by: tuple[int, ...] = ()
    """Numbers of the signatures that protect it."""
    broken_by: tuple[int, ...] = ()
    """Numbers of the signatures that list it, or what holds it, and do not hold."""
    why: str = ""
    """Why it cannot be signed."""
    critical: bool = False
    """Whether another value would change what the object means, or whose it is."""
    value: str = ""
    """The beginning of the value, of the first of those folded; text is as it stands in the file."""
    redacted: bool = False
    """Whether the value is kept back, because it might tell who the patient is."""
    count: int = 1
    """How many elements of the Data Set this stands for."""
    items: tuple[MappedItem, ...] = field(default=(), repr=False)

    @property
    def is_open(self) -> bool:
        """Whether it is critical, and not all changes would be noticed."""
        return self.critical and self.cover is not CoverState.COVERED


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedItem:
    """An item of a sequence, or several with the same elements and the same cover that were folded into one."""

    ranges: tuple[tuple[int, int], ...]
    """First and last index of each run of items, from 0; empty if they belong to several sequences,
    or the runs are too many."""
    count: int = 1
    elements: tuple[MappedElement, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageTotals:
    """Numbers of Data Elements at all levels, sequences included."""

    covered: int = 0
    broken: int = 0
    partly: int = 0
    uncovered: int = 0
    unsignable: int = 0
    open: int = 0
    """Of them, critical and not covered, as ``summary`` has it."""

    @property
    def elements(self) -> int:
        """All of them."""
        return self.covered + self.broken + self.partly + self.uncovered + self.unsignable


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageMap:
    """The map of one SOP Instance; File Meta Information is no part of the Data Set, and never signed."""

    signatures: tuple[MappedSignature, ...]
    elements: tuple[MappedElement, ...] = field(repr=False)
    totals: CoverageTotals
    summary: ObjectCoverage
    """What of the object is protected, in the numbers and names that every output has."""
    folded: int = 0
    """Items that are shown by another with the same elements and cover."""
    omitted: int = 0
    """Elements that are counted, and not shown: the tree would become too large or too deep."""
    values_shown: bool = False
    """Whether values are there that might tell who the patient is."""


def format_coverage(coverage: ObjectCoverage) -> str:
    """How much of an object is protected.

    >>> format_coverage(ObjectCoverage(covered=4, elements=257))
    '4 of 257 elements'
    """
    return f"{coverage.covered:,} of {coverage.elements:,} elements"


def format_gaps(coverage: ObjectCoverage, limit: int = 12) -> str:
    """What of an object is not protected, by name, and how much more; empty if all of it is.

    >>> format_gaps(ObjectCoverage(critical=2, others=1, gaps=(CoverageGap(path=(0x00100010,), critical=True),)))
    "NOT protected: Patient's Name, and 1 more that changes what the object means or whose it is; and 1 other element"
    """
    shown = [each for each in coverage.gaps if each.critical or not coverage.critical][:limit]
    if not shown:
        return ""
    names = ", ".join(format_gap(each) for each in shown)
    more = (coverage.critical or coverage.others) - sum(each.count for each in shown)
    if not coverage.critical:
        return f"NOT protected: {names}" + (f", and {more:,} more" if more else "")
    change = "changes" if more == 1 else "change"
    rest = f", and {more:,} more that {change} what the object means or whose it is" if more else ""
    elements = "element" if coverage.others == 1 else "elements"
    others = f"; and {coverage.others:,} other {elements}" if coverage.others else ""
    return f"NOT protected: {names}{rest}{others}"


def format_gap(gap: CoverageGap) -> str:
    """Elements that are not covered, with the sequences they are in.

    >>> format_gap(CoverageGap(path=(0x00081140, 0x00081155), critical=False, count=3))
    'Referenced Image Sequence > Referenced SOP Instance UID (3 times)'
    """
    path = " > ".join(format_tag_name(tag) for tag in gap.path)
    return f"{path} ({gap.count:,} times)" if gap.count > 1 else path


def format_tag_name(tag: int) -> str:
    """An element by its name, or by its tag if it has none."""
    return tag_name(tag) or f"{format_tag(tag)} {'private' if tag >> 16 & 1 else 'unknown'}"
