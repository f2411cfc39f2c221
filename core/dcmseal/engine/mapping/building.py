"""A Data Set walked from end to end, and every element of it put into the coverage map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dcmseal import tags
from dcmseal.coverage_map import Cover, CoverageMap, CoverageTotals, MappedElement, MappedItem
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.source import Source
from dcmseal.dataset.vr import is_unknown
from dcmseal.dataset.walk import CLOSING, UNTIL_DELIMITER, Event, Step, walk
from dcmseal.engine.coverage import is_critical
from dcmseal.engine.mapping.covering import NOTHING, Covering, LevelCovering, Protection, inside
from dcmseal.engine.mapping.folding import Folding, Group, Node
from dcmseal.engine.mapping.gaps import GapCounter
from dcmseal.engine.mapping.masking import is_identifying, may_be_shown
from dcmseal.engine.mapping.previews import preview
from dcmseal.errors import DatasetError
from dcmseal.location import MAIN, Location
from dcmseal.report import ObjectCoverage, VerificationReport
from dcmseal.tags import tag_text

MOST_ENTRIES: Final = 1_000_000
"""Elements, items and fragments that are looked at: the time that a map takes has a bound."""
MOST_NODES: Final = 10_000
"""Elements in the tree after folding; real objects fold to a few hundred."""
MOST_UNFOLDED: Final = 250_000
DEEPEST: Final = 40
"""Levels of items in the tree; what is deeper is counted only."""
_LONGEST_CHARACTER_SET: Final = 256
_LONGEST_ROOT: Final = 32
"""Bytes of a UID that tell whose it is."""
_MOST_NUMBERS: Final = 1000
"""Signatures that are named of one element."""


def map_file(
    file: DicomFile, report: VerificationReport, *, show_values: bool = False, fold: bool = True
) -> CoverageMap:
    """The coverage map of a file that was verified.

    Raises Malformed if it cannot be read, and DatasetError if it has more elements than are mapped.
    """
    covering = Covering(report)
    builder = _Builder(file, covering, max_nodes=MOST_NODES if fold else MOST_UNFOLDED, fold=fold)
    entries = 0
    for step in walk(file.body, file.start, file.end, file.encoding):
        entries += step.event is not Event.ITEM_END and step.event not in CLOSING
        if entries > MOST_ENTRIES:
            raise DatasetError(
                f"the data set has more than {MOST_ENTRIES} elements and items, more than are mapped",
                hint="dcmseal verify says what is signed, without a map",
            )
        builder.add_step(step)
    frozen = _Freezing(file.body, show_values=show_values)
    return CoverageMap(
        signatures=covering.signatures,
        elements=tuple(frozen.element(node) for node in builder.nodes),
        totals=builder.totals,
        summary=builder.gaps.summary(),
        folded=builder.folding.folded,
        left_out=builder.left_out,
        values_shown=show_values,
    )


def count_file(file: DicomFile, report: VerificationReport) -> ObjectCoverage:
    """The summary of the map alone; raises Malformed if the file cannot be read."""
    builder = _Builder(file, Covering(report), max_nodes=0)
    for step in walk(file.body, file.start, file.end, file.encoding):
        builder.add_step(step)
    return builder.gaps.summary()


@dataclass(slots=True, kw_only=True)
class _Level:
    """A level the walk is in."""

    location: Location
    covering: LevelCovering
    character_set: str
    hidden: bool
    nodes: list[Node] | None
    """None if nothing of it is kept."""
    path: tuple[int, ...] = ()
    """Tags of the sequences it is in."""
    index: int = 0
    unknown: int = 0
    """Tag of an element of VR UN in it."""
    protects: bool = False
    """Whether a signature protects anything in it."""


@dataclass(slots=True, kw_only=True)
class _Sequence:
    """A sequence the walk is in."""

    node: Node
    kept: bool
    items: int = 0
    unknown: int = 0
    protects: bool = False


class _Builder:
    """Takes the steps of a walk one by one."""

    def __init__(self, file: DicomFile, covering: Covering, *, max_nodes: int, fold: bool = True) -> None:
        """``max_nodes`` elements are kept; the others are counted only."""
        self._source = file.body
        self._covering = covering
        self._most = max_nodes
        self.folding = Folding(fold=fold)
        self.nodes: list[Node] = []
        self._levels = [
            _Level(
                location=MAIN,
                covering=covering.at(MAIN, NOTHING),
                character_set="",
                hidden=False,
                nodes=self.nodes,
            )
        ]
        self._sequences: list[_Sequence] = []
        self._numbers: dict[Cover, int] = dict.fromkeys(Cover, 0)
        self.gaps = GapCounter()
        self.left_out = 0

    @property
    def totals(self) -> CoverageTotals:
        """What was counted."""
        return CoverageTotals(
            covered=self._numbers[Cover.COVERED],
            broken=self._numbers[Cover.BROKEN],
            partly=self._numbers[Cover.PARTLY],
            uncovered=self._numbers[Cover.UNCOVERED],
            unsignable=self._numbers[Cover.UNSIGNABLE],
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
                self._sequences.append(_Sequence(node=node, kept=kept))
            case Event.FRAGMENT:
                self._sequences[-1].node.fragments += 1
            case Event.ITEM:
                self._begin_item()
            case Event.ITEM_END:
                self._end_item()
            case Event.SEQUENCE_END | Event.ENCAPSULATED_END:
                self._end_sequence()

    def _node(self, step: Step) -> tuple[Node, bool]:
        level = self._levels[-1]
        protection = level.covering.lookup(step.tag, step.vr)
        if is_unknown(step.vr) and not level.unknown:
            level.unknown = step.tag
        node = Node(
            tag=step.tag,
            vr=step.vr,
            start=step.value,
            end=step.end,
            encoding=step.encoding,
            character_set=level.character_set,
            protection=protection,
            hidden=level.hidden or is_identifying(step.tag),
            cover=_cover(protection),
        )
        if step.tag == tags.SPECIFIC_CHARACTER_SET and step.end != UNTIL_DELIMITER:
            value = self._source.read(step.value, min(step.end, step.value + _LONGEST_CHARACTER_SET))
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
        inherited = inside(node.vr, node.protection)
        self._levels.append(
            _Level(
                location=location,
                covering=self._covering.at(location, inherited),
                character_set=level.character_set,
                hidden=node.hidden,
                nodes=[] if sequence.kept and len(self._levels) <= DEEPEST else None,
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
            group = Group(nodes=level.nodes, ranges=[(level.index, level.index)])
            self.folding.add(group, sequence.node)

    def _end_sequence(self) -> None:
        sequence, level = self._sequences.pop(), self._levels[-1]
        node = sequence.node
        if node.cover is Cover.UNCOVERED:
            if sequence.unknown:
                node.protection = Protection(why=f"it holds {tag_text(sequence.unknown)} of VR UN")
                node.cover = Cover.UNSIGNABLE
            elif sequence.protects:
                node.cover = Cover.PARTLY
        level.unknown = level.unknown or sequence.unknown
        level.protects |= sequence.protects
        self._count(node)

    def _count(self, node: Node) -> None:
        """Count an element whose cover is known."""
        self._numbers[node.cover] += 1
        level = self._levels[-1]
        level.protects |= node.cover is Cover.COVERED
        self.gaps.add((*level.path, node.tag), node.cover, critical=is_critical(node.tag))


def _cover(protection: Protection) -> Cover:
    if protection.why:
        return Cover.UNSIGNABLE
    if protection.holding:
        return Cover.COVERED
    return Cover.BROKEN if protection.broken else Cover.UNCOVERED


class _Freezing:
    """Makes the values of a map, and reads those of the elements that are left."""

    def __init__(self, source: Source, *, show_values: bool) -> None:
        self._source = source
        self._show = show_values

    def element(self, node: Node) -> MappedElement:
        """An element and all in it."""
        value, masked = self._value(node)
        return MappedElement(
            tag=node.tag,
            vr=node.vr.decode("ascii", "replace"),
            cover=node.cover,
            covered_by=node.protection.holding[:_MOST_NUMBERS],
            broken_by=node.protection.broken[:_MOST_NUMBERS],
            why=node.protection.why,
            critical=is_critical(node.tag),
            value=value,
            redacted=masked,
            count=node.count,
            items=tuple(self._item(group) for group in node.ordered_groups),
        )

    def _item(self, group: Group) -> MappedItem:
        elements = tuple(self.element(node) for node in group.nodes)
        return MappedItem(ranges=tuple(group.ranges), count=group.count, elements=elements)

    def _value(self, node: Node) -> tuple[str, bool]:
        """The beginning of the value, and whether it is kept back."""
        if node.fragments >= 0:
            return f"{node.fragments} fragments", False
        if node.groups or node.vr == b"SQ" or node.end <= node.start:
            return "", False
        start = self._source.read(node.start, min(node.end, node.start + _LONGEST_ROOT))
        if not self._show and (node.hidden or not may_be_shown(node.tag, node.vr, start)):
            return "", True
        return preview(self._source, node.start, node.end, node.vr, node.encoding, node.character_set), False
