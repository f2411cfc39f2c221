"""How much may be hashed to verify a file, and the other readings of a level that are tried within that."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Final, Self

from dcmseal.dataset.part10 import DicomFile
from dcmseal.engine.levels import Level
from dcmseal.engine.macs import LevelMacs
from dcmseal.engine.reading import FoundSignature

if TYPE_CHECKING:
    from dcmseal.engine.alternatives import Alternative, Readings

_MIN_BYTES: Final = 64 << 20
_READINGS: Final = 17
"""Times a level may be hashed to explain a signature: choices of VRs, with padding and without, and DCMTK's MACs."""


class HashBudget:
    """Bytes that may still be hashed beyond the data set itself.

    Each signed level is hashed with all that is nested in it, and again for other readings if a signature does not
    match.
    """

    def __init__(self, size: int) -> None:
        self._left = size

    @classmethod
    def for_size(cls, size: int) -> Self:
        """What a data set of so many bytes is allowed."""
        return cls(max(_MIN_BYTES, 32 * size))

    def takes(self, size: int) -> bool:
        """Whether so much is left; it is then taken."""
        if size > self._left:
            return False
        self._left -= size
        return True


class BudgetedReadings:
    """The other readings of a level, made when a signature does not match: few files need them."""

    def __init__(self, file: DicomFile, level: Level, macs: LevelMacs, budget: HashBudget) -> None:
        self._arguments = file, level, macs
        self._budget = budget

    @cached_property
    def _made(self) -> Readings | None:
        from dcmseal.engine.alternatives import Readings

        _, level, macs = self._arguments
        if not self._budget.takes((macs.scan.end - level.start) * (_READINGS if macs.ambiguous else 3)):
            return None
        return Readings(*self._arguments)

    def explain(self, found: FoundSignature, matches: Callable[[bytes], bool]) -> Alternative | None:
        """The reading under which a signature matches; None if there is none, or too much was tried already."""
        return None if self._made is None else self._made.explain(found, matches)
