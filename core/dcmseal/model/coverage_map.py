"""The coverage map: a Data Set as a tree of Data Elements, with the signatures that protect each of them.

>>> from dcmseal import map_coverage, verify
>>> coverage = map_coverage("signed-in-part.dcm", verify("signed-in-part.dcm", integrity_only=True))
>>> [element.covered_by for element in coverage.elements if element.tag == 0x7FE00010]
[(1,)]
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from dcmseal.dictionary import tag_name
from dcmseal.model.report import CoverageGap, ObjectCoverage
from dcmseal.model.verdict import Verdict
from dcmseal.representation import format_fields
from dcmseal.tags import format_tag


class CoverState(StrEnum):
    """Whether signatures protect a Data Element."""

    COVERED = "covered"
    """A signature of its own level, or one that covers an enclosing sequence, protects it."""
    BROKEN = "broken"
    """Only signatures that are not valid list it, so it is not protected."""
    PARTLY = "partly"
    """It is a sequence that is not signed itself, but contains signed elements."""
    UNCOVERED = "uncovered"
    """It is not signed."""
    UNSIGNABLE = "unsignable"
    """It cannot be signed (PS3.3 C.12.1.1.3.1.1)."""


class MappedSignature(Struct, frozen=True, kw_only=True):
    """A signature, numbered from 1 in the order of the verification report."""

    number: int
    uid: str
    location: str
    verdict: Verdict
    is_valid: bool
    """Whether it protects elements: its MAC matches, and it is not invalid."""


class MappedElement(Struct, frozen=True, kw_only=True):
    """A Data Element, or several with the same structure and coverage that were folded into one."""

    tag: int
    vr: str
    cover: CoverState
    covered_by: tuple[int, ...] = ()
    """Numbers of the signatures that protect it."""
    broken_by: tuple[int, ...] = ()
    """Numbers of the signatures that list it, or an enclosing sequence, but are not valid."""
    why: str = ""
    """Why it cannot be signed."""
    critical: bool = False
    """Whether another value would change what the object means, or which patient it belongs to."""
    value: str = ""
    """The beginning of the value, or of the first folded one; text is unchanged from the file."""
    redacted: bool = False
    """Whether the value is omitted, because it might identify the patient."""
    count: int = 1
    """The number of elements of the Data Set that it represents."""
    items: tuple[MappedItem, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it is critical but not covered, so that changes go unnoticed."""
        return self.critical and self.cover is not CoverState.COVERED

    def __repr__(self) -> str:
        return format_fields(self, hidden=("items",))


class MappedItem(Struct, frozen=True, kw_only=True):
    """An item of a sequence, or several with the same elements and the same cover that were folded into one."""

    ranges: tuple[tuple[int, int], ...]
    """First and last index of each range of items, from 0; empty if the items belong to several sequences, or there
    are too many ranges."""
    count: int = 1
    elements: tuple[MappedElement, ...] = ()

    def __repr__(self) -> str:
        return format_fields(self, hidden=("elements",))


class CoverageTotals(Struct, frozen=True, kw_only=True):
    """Numbers of Data Elements at all levels, including sequences."""

    covered: int = 0
    broken: int = 0
    partly: int = 0
    uncovered: int = 0
    unsignable: int = 0
    open: int = 0
    """Critical elements that are not covered; included in the other numbers."""

    @property
    def elements(self) -> int:
        """The number of all elements."""
        return self.covered + self.broken + self.partly + self.uncovered + self.unsignable


class CoverageMap(Struct, frozen=True, kw_only=True):
    """The map of one SOP Instance, without File Meta Information, which is never signed."""

    signatures: tuple[MappedSignature, ...]
    elements: tuple[MappedElement, ...]
    totals: CoverageTotals
    summary: ObjectCoverage
    """How many elements of the object are protected, and which are not; the same in all outputs."""
    folded: int = 0
    """Number of items that were folded into others with the same elements and coverage."""
    omitted: int = 0
    """Number of elements that are counted but not listed, because the tree would become too large or too deep."""
    values_shown: bool = False
    """Whether the map includes values that might identify the patient."""

    def __repr__(self) -> str:
        return format_fields(self, hidden=("elements",))


def format_coverage(coverage: ObjectCoverage) -> str:
    """Format how many elements of an object are protected.

    >>> format_coverage(ObjectCoverage(covered=4, elements=257))
    '4 of 257 elements'
    """
    return f"{coverage.covered:,} of {coverage.elements:,} elements"


def format_gaps(coverage: ObjectCoverage, limit: int = 12) -> str:
    """Format which elements of an object are not protected; empty if all are.

    Args:
        coverage: The coverage of the object.
        limit: Maximum number of elements to name; the others are counted.

    >>> format_gaps(ObjectCoverage(critical=2, others=1, gaps=(CoverageGap(path=(0x00100010,), critical=True),)))
    "NOT protected: Patient's Name, and 1 more critical element; and 1 other element"
    """
    shown = [each for each in coverage.gaps if each.critical or not coverage.critical][:limit]
    if not shown:
        return ""
    names = ", ".join(format_gap(each) for each in shown)
    more = (coverage.critical or coverage.others) - sum(each.count for each in shown)
    if not coverage.critical:
        return f"NOT protected: {names}" + (f", and {more:,} more" if more else "")
    rest = f", and {more:,} more critical {'element' if more == 1 else 'elements'}" if more else ""
    others = f"; and {coverage.others:,} other {'element' if coverage.others == 1 else 'elements'}"
    others = others if coverage.others else ""
    return f"NOT protected: {names}{rest}{others}"


def format_gap(gap: CoverageGap) -> str:
    """Format the path of elements that are not covered.

    >>> format_gap(CoverageGap(path=(0x00081140, 0x00081155), critical=False, count=3))
    'Referenced Image Sequence > Referenced SOP Instance UID (3 times)'
    """
    path = " > ".join(format_tag_name(tag) for tag in gap.path)
    return f"{path} ({gap.count:,} times)" if gap.count > 1 else path


def format_tag_name(tag: int) -> str:
    """Format an element as its name, or as its tag if it has no name."""
    return tag_name(tag) or f"{format_tag(tag)} {'private' if tag >> 16 & 1 else 'unknown'}"
