"""Build the nodes of a coverage map from the steps of a walk, and count elements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from dcmseal import tags
from dcmseal.coverage_map.fold_items import ItemFolder, ItemGroup, MapNode
from dcmseal.coverage_map.gap_counter import GapCounter
from dcmseal.coverage_map.repeated_items import CountedElement, RepeatedItem, RepeatedItems
from dcmseal.coverage_map.signature_cover import (
    NO_PROTECTION,
    LevelCover,
    Protection,
    SignatureCover,
    inherit_protection,
)
from dcmseal.coverage_map.value_preview import is_identifying
from dcmseal.dataset.critical_tags import is_critical
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.vr import is_unknown_vr
from dcmseal.dataset.walk import UNTIL_DELIMITER, Event, Step, walk
from dcmseal.location import MAIN, Location
from dcmseal.model.coverage_map import CoverageTotals, CoverState
from dcmseal.tags import format_tag

_MAX_CHARACTER_SET_SIZE: Final = 256


class _MapLevel(Struct, kw_only=True):
    """A level that the walk has entered."""

    location: Location
    cover: LevelCover
    character_set: str
    hidden: bool
    nodes: list[MapNode] | None
    """The elements that are kept; None if they are only counted."""
    path: tuple[int, ...] = ()
    """Tags of the enclosing sequences."""
    index: int = 0
    unknown: int = 0
    """Tag of an element of VR UN in the level; 0 if there is none."""
    protects: bool = False
    """Whether a signature covers any element in the level."""
    counted_before: int = 0
    omitted_before: int = 0


class _MapSequence(Struct, kw_only=True):
    """A sequence that the walk has entered."""

    node: MapNode
    kept: bool
    items: int = 0
    unknown: int = 0
    protects: bool = False
    repeated: RepeatedItems | None = None
    """Items that are like others; None if signatures are in them."""
    end: int = 0


class NodeBuilder:
    """Builds nodes from the steps of a walk."""

    def __init__(
        self, file: DicomFile, cover: SignatureCover, *, max_nodes: int, max_depth: int = 0, fold: bool = True
    ) -> None:
        """Start; further and deeper elements are only counted."""
        self._source = file.body
        self._cover = cover
        self._max_nodes = max_nodes
        self._max_depth = max_depth
        self._fold = fold
        self.folding = ItemFolder(fold=fold)
        self.nodes: list[MapNode] = []
        self._levels = [
            _MapLevel(
                location=MAIN,
                cover=cover.at(MAIN, NO_PROTECTION),
                character_set="",
                hidden=False,
                nodes=self.nodes,
            )
        ]
        self._sequences: list[_MapSequence] = []
        self._numbers: dict[CoverState, int] = dict.fromkeys(CoverState, 0)
        self.gaps = GapCounter()
        self.omitted = 0
        self._counted: list[tuple[CountedElement, int]] = []
        """Elements that were counted while items are learned, and how many."""
        self._learning = 0

    def iter_steps(self, file: DicomFile) -> Iterator[Step]:
        """Walk through the Data Set, without items that are like others before them; each step has to be added."""
        steps = walk(file.body, file.start, file.end, file.encoding)
        step = next(steps, None)
        while step is not None:
            yield step
            next_item = None
            if step.event is Event.ITEM_END or step.event is Event.SEQUENCE:
                next_item = self._skip_items(step.value if step.event is Event.SEQUENCE else step.end)
            try:
                step = steps.send(next_item)
            except StopIteration:
                return

    def _skip_items(self, start: int) -> int | None:
        """Count the next items if they are like others before them; returns the position of the first other one."""
        sequence = self._sequences[-1]
        if sequence.repeated is None or not (self._fold or self._is_full):
            return None
        position, items = sequence.repeated.skip(start, sequence.end, sequence.items)
        sequence.items += items
        return position

    @property
    def totals(self) -> CoverageTotals:
        """The number of elements for each state."""
        return CoverageTotals(
            covered=self._numbers[CoverState.COVERED],
            broken=self._numbers[CoverState.BROKEN],
            partly=self._numbers[CoverState.PARTLY],
            uncovered=self._numbers[CoverState.UNCOVERED],
            unsignable=self._numbers[CoverState.UNSIGNABLE],
            open=self.gaps.critical,
        )

    @property
    def _is_full(self) -> bool:
        return self.folding.nodes >= self._max_nodes

    def add_step(self, step: Step) -> None:
        """Process one step of the walk."""
        match step.event:
            case Event.ELEMENT:
                node, _ = self._node(step)
                self._count(node)
            case Event.SEQUENCE | Event.ENCAPSULATED:
                node, kept = self._node(step)
                if step.event is Event.ENCAPSULATED:
                    node.fragments = 0
                self._begin_sequence(step, node, kept=kept)
            case Event.FRAGMENT:
                self._sequences[-1].node.fragments += 1
            case Event.ITEM:
                self._begin_item()
            case Event.ITEM_END:
                self._end_item()
            case Event.SEQUENCE_END | Event.ENCAPSULATED_END:
                self._end_sequence()

    def _node(self, step: Step) -> tuple[MapNode, bool]:
        level = self._levels[-1]
        protection = level.cover.lookup(step.tag, step.vr)
        if is_unknown_vr(step.vr) and not level.unknown:
            level.unknown = step.tag
        node = MapNode(
            tag=step.tag,
            vr=step.vr,
            start=step.value,
            end=step.end,
            encoding=step.encoding,
            character_set=level.character_set,
            protection=protection,
            hidden=level.hidden or is_identifying(step.tag),
            cover=_classify(protection),
        )
        if step.tag == tags.SPECIFIC_CHARACTER_SET and step.end != UNTIL_DELIMITER:
            value = self._source.read(step.value, min(step.end, step.value + _MAX_CHARACTER_SET_SIZE))
            level.character_set = value.rstrip(b" \0").decode("ascii", "replace")
        kept = level.nodes is not None and not self._is_full
        if kept and level.nodes is not None:
            self.folding.nodes += 1
            level.nodes.append(node)
        else:
            self.omitted += 1
        return node, kept

    def _begin_sequence(self, step: Step, node: MapNode, *, kept: bool) -> None:
        repeated = None
        if step.vr == b"SQ" and not self._cover.has_signatures(self._levels[-1].location, step.tag):
            repeated = RepeatedItems(self._source, step.encoding)
        self._sequences.append(_MapSequence(node=node, kept=kept, repeated=repeated, end=step.end))

    def _begin_item(self) -> None:
        sequence, level = self._sequences[-1], self._levels[-1]
        node = sequence.node
        location = level.location.item(node.tag, sequence.items)
        inherited = inherit_protection(node.vr, node.protection)
        self._levels.append(
            _MapLevel(
                location=location,
                cover=self._cover.at(location, inherited),
                character_set=level.character_set,
                hidden=node.hidden,
                nodes=[] if sequence.kept and len(self._levels) <= self._max_depth and not self._is_full else None,
                path=(*level.path, node.tag),
                index=sequence.items,
                counted_before=len(self._counted),
                omitted_before=self.omitted,
            )
        )
        sequence.items += 1
        self._learning += sequence.repeated is not None and sequence.repeated.is_learning

    def _end_item(self) -> None:
        level, sequence = self._levels.pop(), self._sequences[-1]
        sequence.unknown = sequence.unknown or level.unknown
        sequence.protects |= level.protects
        group = into = None
        if level.nodes is not None:
            group = ItemGroup(nodes=level.nodes, ranges=[(level.index, level.index)])
            into = self.folding.add(group, sequence.node)
        if sequence.repeated is not None and sequence.repeated.is_learning:
            self._learning -= 1
            # an item that is shown does not stand for those that are folded
            if group is None or into is not group:
                elements: Counter[CountedElement] = Counter()
                for element, number in self._counted[level.counted_before :]:
                    elements[element] += number
                omitted = self.omitted - level.omitted_before
                item = RepeatedItem(elements=elements, omitted=omitted, group=group, into=into)
                sequence.repeated.learn(item)
            if not self._learning:
                self._counted.clear()

    def _end_sequence(self) -> None:
        sequence, level = self._sequences.pop(), self._levels[-1]
        for item in sequence.repeated.iter_examples() if sequence.repeated is not None else ():
            self._count_repeats(item)
        node = sequence.node
        if node.cover is CoverState.UNCOVERED:
            if sequence.unknown:
                node.protection = Protection(why=f"it contains {format_tag(sequence.unknown)} of VR UN")
                node.cover = CoverState.UNSIGNABLE
            elif sequence.protects:
                node.cover = CoverState.PARTLY
        level.unknown = level.unknown or sequence.unknown
        level.protects |= sequence.protects
        self._count(node)

    def _count(self, node: MapNode) -> None:
        """Count an element once its state is known."""
        self._numbers[node.cover] += 1
        level = self._levels[-1]
        level.protects |= node.cover is CoverState.COVERED
        path, critical = (*level.path, node.tag), is_critical(node.tag)
        self.gaps.add(path, node.cover, critical=critical)
        if self._learning:
            self._counted.append(((path, node.cover, critical), 1))

    def _count_repeats(self, item: RepeatedItem) -> None:
        """Count the elements of all items that are like one."""
        for (path, cover, critical), number in item.elements.items():
            times = number * item.times
            self._numbers[cover] += times
            self.gaps.add(path, cover, critical=critical, times=times)
            if self._learning:
                self._counted.append(((path, cover, critical), times))
        self.omitted += item.omitted * item.times
        if item.group is not None and item.into is not None:
            self.folding.repeat(item.group, item.into, item.times)


def _classify(protection: Protection) -> CoverState:
    if protection.why:
        return CoverState.UNSIGNABLE
    if protection.valid:
        return CoverState.COVERED
    return CoverState.BROKEN if protection.broken else CoverState.UNCOVERED
