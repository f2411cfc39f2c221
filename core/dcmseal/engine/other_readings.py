"""The other readings of a level that may explain a signature, tried within a limit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Final

from dcmseal.dataset.part10 import DicomFile
from dcmseal.engine.hashing_budget import HashingBudget
from dcmseal.engine.levels import Level
from dcmseal.engine.macs import LevelMacs
from dcmseal.engine.reading import SignatureItem

if TYPE_CHECKING:
    from dcmseal.engine.alternatives import VariantMatch, VariantMatcher

_MAX_VARIANTS: Final = 17
"""Times a level may be hashed to explain a signature: choices of VRs, with padding and without, and DCMTK's MACs."""


class LazyVariantMatcher:
    """The other readings of a level, made when a signature does not match: few files need them."""

    def __init__(self, file: DicomFile, level: Level, macs: LevelMacs, hashing_budget: HashingBudget) -> None:
        self._arguments = file, level, macs
        self._patience = hashing_budget

    @cached_property
    def _matcher(self) -> VariantMatcher | None:
        from dcmseal.engine.alternatives import VariantMatcher

        _, level, macs = self._arguments
        if not self._patience.try_consume((macs.scan.end - level.start) * (_MAX_VARIANTS if macs.ambiguous else 3)):
            return None
        return VariantMatcher(*self._arguments)

    def find_match(self, signature_item: SignatureItem, matches: Callable[[bytes], bool]) -> VariantMatch | None:
        """The reading under which a signature matches; None if there is none, or too much was tried already."""
        return None if self._matcher is None else self._matcher.find_match(signature_item, matches)
