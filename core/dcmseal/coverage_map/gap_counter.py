"""Count the elements of a Data Set that signatures cover, and collect those that they do not."""

from __future__ import annotations

from typing import Final

from dcmseal.model.coverage_map import CoverState
from dcmseal.model.report import CoverageGap, ObjectCoverage

_MAX_GAPS: Final = 1000
"""Maximum number of gaps that are listed; all are counted."""
_PATIENT_GROUP: Final = 0x0010
_PIXEL_GROUP: Final = 0x7FE0
"""Groups that are listed first: patient and pixel data."""


class GapCounter:
    """Counts covered elements, and collects those that are not covered."""

    def __init__(self) -> None:
        self._covered = 0
        self._elements = 0
        self.critical = 0
        """Number of critical elements that are not covered."""
        self._others = 0
        self._gaps: dict[tuple[tuple[int, ...], bool], int] = {}

    def add(self, path: tuple[int, ...], cover: CoverState, *, critical: bool, times: int = 1) -> None:
        """Count an element, or several.

        Args:
            path: The tags of the enclosing sequences, followed by the element's own.
            cover: Whether the element is covered.
            critical: Whether the element is critical.
            times: How many elements have this path, cover and importance.
        """
        counts = len(path) == 1 and cover is not CoverState.UNSIGNABLE
        self._elements += times * counts
        self._covered += times * (counts and cover is CoverState.COVERED)
        if cover is CoverState.COVERED:
            return
        self.critical += times * critical
        self._others += times * (counts and not critical)
        if critical or counts:
            key = (path, critical)
            if key in self._gaps or len(self._gaps) < _MAX_GAPS:
                self._gaps[key] = self._gaps.get(key, 0) + times

    def summary(self) -> ObjectCoverage:
        """Build the summary of all counted elements."""
        gaps = [
            CoverageGap(path=path, critical=critical, count=count) for (path, critical), count in self._gaps.items()
        ]
        return ObjectCoverage(
            covered=self._covered,
            elements=self._elements,
            critical=self.critical,
            others=self._others,
            gaps=tuple(sorted(gaps, key=_gap_rank)),
        )


def _gap_rank(gap: CoverageGap) -> tuple[bool, int, tuple[int, ...]]:
    """Sort critical elements first, then patient and pixel data, then by tag."""
    group = gap.path[0] >> 16
    return not gap.critical, (_PATIENT_GROUP, _PIXEL_GROUP, group).index(group), gap.path
