"""A Data Set walked from end to end, and every element of it put into the coverage map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dcmseal import tags
from dcmseal.coverage_map.fold_items import ItemFolder, ItemGroup, MapNode
from dcmseal.coverage_map.signature_cover import (
    NO_PROTECTION,
    LevelCover,
    Protection,
    SignatureCover,
    inherit_protection,
)
from dcmseal.coverage_map.value_preview import format_preview, is_identifying, is_showable
from dcmseal.dataset.critical_tags import is_critical
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.source import Source
from dcmseal.dataset.vr import is_unknown_vr
from dcmseal.dataset.walk import CLOSING_EVENTS, UNTIL_DELIMITER, Event, Step, walk
from dcmseal.errors import DatasetError
from dcmseal.location import MAIN, Location
from dcmseal.model.coverage_map import CoverageMap, CoverageTotals, CoverState, MappedElement, MappedItem
from dcmseal.model.report import CoverageGap, ObjectCoverage, VerificationReport
from dcmseal.tags import format_tag

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


MAX_MAPPED_ENTRIES: Final = 1_000_000
"""Elements, items and fragments that are looked at: the time that a map takes has a bound."""
MAX_NODES: Final = 10_000
"""Elements in the tree after folding; real objects fold to a few hundred."""
MAX_UNFOLDED_NODES: Final = 250_000
MAX_DEPTH: Final = 40
"""Levels of items in the tree; what is deeper is counted only."""
_MAX_CHARACTER_SET_SIZE: Final = 256
_MAX_UID_ROOT_SIZE: Final = 32
"""Bytes of a UID that tell whose it is."""
_MAX_SIGNATURE_NUMBERS: Final = 1000
"""Signatures that are named of one element."""


def build_map(
    file: DicomFile, report: VerificationReport, *, show_values: bool = False, fold: bool = True
) -> CoverageMap:
    """The coverage map of a file that was verified.

    Raises Malformed if it cannot be read, and DatasetError if it has more elements than are mapped.
    """
    covering = SignatureCover(report)
    builder = _MapBuilder(file, covering, max_nodes=MAX_NODES if fold else MAX_UNFOLDED_NODES, fold=fold)
    entries = 0
    for step in walk(file.body, file.start, file.end, file.encoding):
        entries += step.event is not Event.ITEM_END and step.event not in CLOSING_EVENTS
        if entries > MAX_MAPPED_ENTRIES:
            raise DatasetError(
                f"the data set has more than {MAX_MAPPED_ENTRIES} elements and items, more than are mapped",
                hint="verification says what is signed, without a map",
            )
        builder.add_step(step)
    frozen = _ResultBuilder(file.body, show_values=show_values)
    return CoverageMap(
        signatures=covering.signatures,
        elements=tuple(frozen.element(node) for node in builder.nodes),
        totals=builder.totals,
        summary=builder.gaps.summary(),
        folded=builder.folding.folded,
        left_out=builder.left_out,
        values_shown=show_values,
    )


def count_coverage(file: DicomFile, report: VerificationReport) -> ObjectCoverage:
    """The summary of the map alone; raises Malformed if the file cannot be read."""
    builder = _MapBuilder(file, SignatureCover(report), max_nodes=0)
    for step in walk(file.body, file.start, file.end, file.encoding):
        builder.add_step(step)
    return builder.gaps.summary()


@dataclass(slots=True, kw_only=True)
class _MapLevel:
    """A level the walk is in."""

    location: Location
    covering: LevelCover
    character_set: str
    hidden: bool
    nodes: list[MapNode] | None
    """None if nothing of it is kept."""
    path: tuple[int, ...] = ()
    """Tags of the sequences it is in."""
    index: int = 0
    unknown: int = 0
    """Tag of an element of VR UN in it."""
    protects: bool = False
    """Whether a signature protects anything in it."""


@dataclass(slots=True, kw_only=True)
class _MapSequence:
    """A sequence the walk is in."""

    node: MapNode
    kept: bool
    items: int = 0
    unknown: int = 0
    protects: bool = False


class _MapBuilder:
    """Takes the steps of a walk one by one."""

    def __init__(self, file: DicomFile, covering: SignatureCover, *, max_nodes: int, fold: bool = True) -> None:
        """``max_nodes`` elements are kept; the others are counted only."""
        self._source = file.body
        self._covering = covering
        self._most = max_nodes
        self.folding = ItemFolder(fold=fold)
        self.nodes: list[MapNode] = []
        self._levels = [
            _MapLevel(
                location=MAIN,
                covering=covering.at(MAIN, NO_PROTECTION),
                character_set="",
                hidden=False,
                nodes=self.nodes,
            )
        ]
        self._sequences: list[_MapSequence] = []
        self._numbers: dict[CoverState, int] = dict.fromkeys(CoverState, 0)
        self.gaps = GapCounter()
        self.left_out = 0

    @property
    def totals(self) -> CoverageTotals:
        """What was counted."""
        return CoverageTotals(
            covered=self._numbers[CoverState.COVERED],
            broken=self._numbers[CoverState.BROKEN],
            partly=self._numbers[CoverState.PARTLY],
            uncovered=self._numbers[CoverState.UNCOVERED],
            unsignable=self._numbers[CoverState.UNSIGNABLE],
            open=self.gaps.critical,
        )

    def add_step(self, step: Step) -> None:
        """Go one step further."""
        match step.event:
            case Event.ELEMENT:
                node, _ = self._node(step)
                self._count(node)
            case Event.SEQUENCE | Event.ENCAPSULATED:
                node, kept = self._node(step)
                if step.event is Event.ENCAPSULATED:
                    node.fragments = 0
                self._sequences.append(_MapSequence(node=node, kept=kept))
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
        protection = level.covering.lookup(step.tag, step.vr)
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
        kept = level.nodes is not None and self.folding.nodes < self._most
        if kept and level.nodes is not None:
            self.folding.nodes += 1
            level.nodes.append(node)
        else:
            self.left_out += 1
        return node, kept

    def _begin_item(self) -> None:
        sequence, level = self._sequences[-1], self._levels[-1]
        node = sequence.node
        location = level.location.item(node.tag, sequence.items)
        inherited = inherit_protection(node.vr, node.protection)
        self._levels.append(
            _MapLevel(
                location=location,
                covering=self._covering.at(location, inherited),
                character_set=level.character_set,
                hidden=node.hidden,
                nodes=[] if sequence.kept and len(self._levels) <= MAX_DEPTH else None,
                path=(*level.path, node.tag),
                index=sequence.items,
            )
        )
        sequence.items += 1

    def _end_item(self) -> None:
        level, sequence = self._levels.pop(), self._sequences[-1]
        sequence.unknown = sequence.unknown or level.unknown
        sequence.protects |= level.protects
        if level.nodes is not None:
            group = ItemGroup(nodes=level.nodes, ranges=[(level.index, level.index)])
            self.folding.add(group, sequence.node)

    def _end_sequence(self) -> None:
        sequence, level = self._sequences.pop(), self._levels[-1]
        node = sequence.node
        if node.cover is CoverState.UNCOVERED:
            if sequence.unknown:
                node.protection = Protection(why=f"it holds {format_tag(sequence.unknown)} of VR UN")
                node.cover = CoverState.UNSIGNABLE
            elif sequence.protects:
                node.cover = CoverState.PARTLY
        level.unknown = level.unknown or sequence.unknown
        level.protects |= sequence.protects
        self._count(node)

    def _count(self, node: MapNode) -> None:
        """Count an element whose cover is known."""
        self._numbers[node.cover] += 1
        level = self._levels[-1]
        level.protects |= node.cover is CoverState.COVERED
        self.gaps.add((*level.path, node.tag), node.cover, critical=is_critical(node.tag))


def _classify(protection: Protection) -> CoverState:
    if protection.why:
        return CoverState.UNSIGNABLE
    if protection.holding:
        return CoverState.COVERED
    return CoverState.BROKEN if protection.broken else CoverState.UNCOVERED


class _ResultBuilder:
    """Makes the values of a map, and reads those of the elements that are left."""

    def __init__(self, source: Source, *, show_values: bool) -> None:
        self._source = source
        self._show = show_values

    def element(self, node: MapNode) -> MappedElement:
        """An element and all in it."""
        value, masked = self._value(node)
        return MappedElement(
            tag=node.tag,
            vr=node.vr.decode("ascii", "replace"),
            cover=node.cover,
            covered_by=node.protection.holding[:_MAX_SIGNATURE_NUMBERS],
            broken_by=node.protection.broken[:_MAX_SIGNATURE_NUMBERS],
            why=node.protection.why,
            critical=is_critical(node.tag),
            value=value,
            redacted=masked,
            count=node.count,
            items=tuple(self._item(group) for group in node.ordered_groups),
        )

    def _item(self, group: ItemGroup) -> MappedItem:
        elements = tuple(self.element(node) for node in group.nodes)
        return MappedItem(ranges=tuple(group.ranges), count=group.count, elements=elements)

    def _value(self, node: MapNode) -> tuple[str, bool]:
        """The beginning of the value, and whether it is kept back."""
        if node.fragments >= 0:
            return f"{node.fragments} fragments", False
        if node.groups or node.vr == b"SQ" or node.end <= node.start:
            return "", False
        start = self._source.read(node.start, min(node.end, node.start + _MAX_UID_ROOT_SIZE))
        if not self._show and (node.hidden or not is_showable(node.tag, node.vr, start)):
            return "", True
        return format_preview(self._source, node.start, node.end, node.vr, node.encoding, node.character_set), False
