"""Convert the nodes of a coverage map to its elements, and read their values."""

from __future__ import annotations

from typing import Final

from dcmseal.coverage_map.fold_items import ItemGroup, MapNode
from dcmseal.coverage_map.value_preview import format_preview, is_showable
from dcmseal.dataset.critical_tags import is_critical
from dcmseal.dataset.source import Source
from dcmseal.model.coverage_map import MappedElement, MappedItem

_MAX_UID_ROOT_SIZE: Final = 32
"""Number of bytes of a UID that identify its root."""
_MAX_SIGNATURE_NUMBERS: Final = 1000
"""Maximum number of signatures listed for one element."""


class ResultBuilder:
    """Converts nodes to the elements of a map, and reads their values."""

    def __init__(self, source: Source, *, show_values: bool) -> None:
        self._source = source
        self._show = show_values

    def element(self, node: MapNode) -> MappedElement:
        """Convert a node, including its items."""
        value, masked = self._value(node)
        return MappedElement(
            tag=node.tag,
            vr=node.vr.decode("ascii", "replace"),
            cover=node.cover,
            covered_by=node.protection.valid[:_MAX_SIGNATURE_NUMBERS],
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
        """Format the beginning of the value; the flag says whether it is redacted."""
        if node.fragments >= 0:
            return f"{node.fragments} fragments", False
        if node.groups or node.vr == b"SQ" or node.end <= node.start:
            return "", False
        start = self._source.read(node.start, min(node.end, node.start + _MAX_UID_ROOT_SIZE))
        if not self._show and (node.hidden or not is_showable(node.tag, node.vr, start)):
            return "", True
        return format_preview(self._source, node.start, node.end, node.vr, node.encoding, node.character_set), False
