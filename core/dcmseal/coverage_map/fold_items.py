"""Items alike folded into one: the same elements with the same cover, all the way down.

An enhanced image has a thousand functional groups that differ in nothing but values, and a report thousands of content
items in a few dozen forms. What is folded still counts every element it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from dcmseal.coverage_map.signature_cover import Protection
from dcmseal.dataset.transfer_syntax import Encoding
from dcmseal.model.coverage_map import CoverState

MAX_UNFOLDED_ITEMS: Final = 3
"""So many items alike stand side by side; more are folded."""
_MAX_RANGES: Final = 32

NodeKey: TypeAlias = tuple[int, bytes, CoverState, Protection, frozenset[int]]


@dataclass(slots=True, kw_only=True, eq=False)
class MapNode:
    """An element in the making; its value is read only if it is still there in the end."""

    tag: int
    vr: bytes
    start: int
    end: int
    """Of the value."""
    encoding: Encoding
    character_set: str
    protection: Protection
    hidden: bool
    """Whether its value is kept back."""
    cover: CoverState = CoverState.UNCOVERED
    count: int = 1
    fragments: int = -1
    groups: dict[int, list[ItemGroup]] = field(default_factory=dict[int, "list[ItemGroup]"])
    """Its items, by their pattern."""

    @property
    def key(self) -> NodeKey:
        """Elements of equal keys are alike."""
        return self.tag, self.vr, self.cover, self.protection, frozenset(self.groups)

    @property
    def ordered_groups(self) -> list[ItemGroup]:
        """Its items in the order they stand, as far as that is known."""
        groups = [group for alike in self.groups.values() for group in alike]
        return sorted(groups, key=lambda group: group.ranges[0][0] if group.ranges else 0)


@dataclass(slots=True, kw_only=True, eq=False)
class ItemGroup:
    """An item in the making, or several that were folded."""

    nodes: list[MapNode]
    ranges: list[tuple[int, int]]
    pattern: int = 0
    count: int = 1


class ItemFolder:
    """Knows the patterns of a Data Set, and how many nodes there are."""

    def __init__(self, *, fold: bool) -> None:
        self._fold = fold
        self._patterns: dict[tuple[NodeKey, ...], int] = {}
        self.nodes = 0
        self.folded = 0

    def add(self, group: ItemGroup, to: MapNode) -> None:
        """Take a complete item into its sequence."""
        keys = tuple(node.key for node in group.nodes)
        pattern = self._patterns.setdefault(keys, len(self._patterns))
        self._add_or_fold([group], to.groups.setdefault(pattern, []))

    def _add_or_fold(self, groups: list[ItemGroup], alike: list[ItemGroup]) -> None:
        """Put groups beside others of their pattern, or fold all of them."""
        alike += groups
        if self._fold and (len(alike) > MAX_UNFOLDED_ITEMS or any(each.count > 1 for each in alike)):
            first, *others = alike
            for each in others:
                self._merge(first, each)
            alike[:] = [first]

    def _merge(self, into: ItemGroup, other: ItemGroup) -> None:
        """Let one group stand for another of its pattern, too."""
        into.count += other.count
        self.folded += 1
        _add_ranges(into.ranges, other.ranges)
        self.nodes -= len(other.nodes)
        for mine, theirs in zip(into.nodes, other.nodes, strict=True):
            mine.count += theirs.count
            for pattern, groups in theirs.groups.items():
                alike = mine.groups[pattern]
                for each in (*alike, *groups):
                    # they are items of different sequences, and their numbers say nothing here
                    each.ranges.clear()
                self._add_or_fold(groups, alike)


def _add_ranges(ranges: list[tuple[int, int]], more: list[tuple[int, int]]) -> None:
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
