"""Fold items with the same structure and coverage into one.

An enhanced image has thousands of functional groups that differ only in their values, and a structured report has
thousands of content items with a few dozen structures. Folded items keep the counts of all elements.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Struct, field

from dcmseal.coverage_map.signature_cover import Protection
from dcmseal.dataset.transfer_syntax import Encoding
from dcmseal.model.coverage_map import CoverState

MAX_UNFOLDED_ITEMS: Final = 3
"""Maximum number of similar items that are listed one by one; more are folded."""
_MAX_RANGES: Final = 32

NodeKey: TypeAlias = tuple[int, bytes, CoverState, Protection, frozenset[int]]


class MapNode(Struct, kw_only=True, eq=False):
    """An element while the map is built; its value is read at the end, unless it was folded."""

    tag: int
    vr: bytes
    start: int
    end: int
    """End of the value."""
    encoding: Encoding
    character_set: str
    protection: Protection
    hidden: bool
    """Whether the value is redacted."""
    cover: CoverState = CoverState.UNCOVERED
    count: int = 1
    fragments: int = -1
    groups: dict[int, list[ItemGroup]] = field(default_factory=dict[int, "list[ItemGroup]"])
    """The items, by pattern."""

    @property
    def key(self) -> NodeKey:
        """Elements with equal keys can be folded."""
        return self.tag, self.vr, self.cover, self.protection, frozenset(self.groups)

    @property
    def ordered_groups(self) -> list[ItemGroup]:
        """The items in the order of the Data Set, as far as it is known."""
        groups = [group for alike in self.groups.values() for group in alike]
        return sorted(groups, key=lambda group: group.ranges[0][0] if group.ranges else 0)


class ItemGroup(Struct, kw_only=True, eq=False):
    """An item while the map is built, or several folded items."""

    nodes: list[MapNode]
    ranges: list[tuple[int, int]]
    pattern: int = 0
    count: int = 1


class ItemFolder:
    """Folds items with the same pattern, and counts nodes."""

    def __init__(self, *, fold: bool) -> None:
        self._fold = fold
        self._patterns: dict[tuple[NodeKey, ...], int] = {}
        self.nodes = 0
        self.folded = 0

    def add(self, group: ItemGroup, to: MapNode) -> ItemGroup:
        """Add a complete item to its sequence; returns the group that it was folded into, or the item itself."""
        keys = tuple(node.key for node in group.nodes)
        pattern = self._patterns.setdefault(keys, len(self._patterns))
        alike = to.groups.setdefault(pattern, [])
        self._add_or_fold([group], alike)
        return alike[0] if len(alike) == 1 else group

    def repeat(self, group: ItemGroup, into: ItemGroup, times: int) -> None:
        """Fold more items like ``group``, which was folded into ``into`` last, as often as given."""
        into.count += group.count * times
        self.folded += group.count * times
        for mine, theirs in zip(into.nodes, group.nodes, strict=True):
            mine.count += theirs.count * times
            for pattern, groups in theirs.groups.items():
                for each in groups:
                    self.repeat(each, mine.groups[pattern][0], times)

    def _add_or_fold(self, groups: list[ItemGroup], alike: list[ItemGroup]) -> None:
        """Add groups to others with the same pattern, and fold them if there are too many."""
        alike += groups
        if self._fold and (len(alike) > MAX_UNFOLDED_ITEMS or any(each.count > 1 for each in alike)):
            first, *others = alike
            for each in others:
                self._merge(first, each)
            alike[:] = [first]

    def _merge(self, into: ItemGroup, other: ItemGroup) -> None:
        """Fold a group into another with the same pattern."""
        into.count += other.count
        self.folded += 1
        add_ranges(into.ranges, other.ranges)
        self.nodes -= len(other.nodes)
        for mine, theirs in zip(into.nodes, other.nodes, strict=True):
            mine.count += theirs.count
            for pattern, groups in theirs.groups.items():
                alike = mine.groups[pattern]
                for each in (*alike, *groups):
                    # these items belong to different sequences, so their indices are meaningless
                    each.ranges.clear()
                self._add_or_fold(groups, alike)


def add_ranges(ranges: list[tuple[int, int]], more: list[tuple[int, int]]) -> None:
    """Add ranges of items to those of a group; none are left if they are unknown or too many."""
    if not ranges or not more:
        ranges.clear()
        return
    for first, last in more:
        if ranges[-1][1] + 1 == first:
            ranges[-1] = ranges[-1][0], last
        elif len(ranges) < _MAX_RANGES:
            ranges.append((first, last))
        else:
            ranges.clear()
            return
