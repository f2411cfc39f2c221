"""What of an object is protected, counted while it is walked: one count for reports, the tree and the terminal."""

from __future__ import annotations

from typing import Final

from dcmseal.coverage_map import CoverState
from dcmseal.report import CoverageGap, ObjectCoverage

_MAX_GAPS: Final = 1000
"""Gaps that are told apart; all are counted."""
_PATIENT_GROUP: Final = 0x0010
_PIXEL_GROUP: Final = 0x7FE0
"""Groups of the elements that people look for first: whose it is, and what is seen."""


class GapCounter:
    """Takes elements one by one, each when its cover is known."""

    def __init__(self) -> None:
        self._covered = 0
        self._elements = 0
        self.critical = 0
        """Critical elements that are not covered."""
        self._others = 0
        self._gaps: dict[tuple[tuple[int, ...], bool], int] = {}

    def add(self, path: tuple[int, ...], cover: CoverState, *, critical: bool) -> None:
        """Count an element; ``path`` is the tags of the sequences it is in, and its own."""
        counts = len(path) == 1 and cover is not CoverState.UNSIGNABLE
        self._elements += counts
        self._covered += counts and cover is CoverState.COVERED
        if cover is CoverState.COVERED:
            return
        self.critical += critical
        self._others += counts and not critical
        if critical or counts:
            key = (path, critical)
            if key in self._gaps or len(self._gaps) < _MAX_GAPS:
                self._gaps[key] = self._gaps.get(key, 0) + 1

    def summary(self) -> ObjectCoverage:
        """What was counted."""
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
    """Critical ones first, of those the patient and the pixels, then as they stand in the Data Set."""
    group = gap.path[0] >> 16
    return not gap.critical, (_PATIENT_GROUP, _PIXEL_GROUP, group).index(group), gap.path
