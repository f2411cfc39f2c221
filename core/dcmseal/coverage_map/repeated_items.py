"""Count items of a sequence that are like others before them, without walking through them again."""

from __future__ import annotations

from collections import Counter
from typing import Final, TypeAlias

from msgspec import Struct

from dcmseal.coverage_map.fold_items import ItemGroup, add_ranges
from dcmseal.coverage_map.item_structure import ItemReader
from dcmseal.dataset.source import Source
from dcmseal.dataset.transfer_syntax import Encoding
from dcmseal.model.coverage_map import CoverState

CountedElement: TypeAlias = tuple[tuple[int, ...], CoverState, bool]
"""Path, cover, and whether the element is critical: all that counts about an element."""
_READ_SIZE: Final = 1 << 18
_MAX_KNOWN: Final = 256


class RepeatedItem(Struct, kw_only=True):
    """An item that was folded or only counted, and the items of the same structure that follow it."""

    elements: Counter[CountedElement]
    omitted: int
    group: ItemGroup | None
    into: ItemGroup | None
    """The group that it was folded into; None if it was only counted."""
    times: int = 0


class RepeatedItems:
    """The items of one sequence by structure."""

    def __init__(self, source: Source, encoding: Encoding) -> None:
        self._source = source
        self._reader = ItemReader(encoding)
        self._buffer = b""
        self._base = 0
        self._known: dict[int, RepeatedItem] = {}
        self._structure = 0
        self.is_learning = False
        """Whether the next item has to be walked through, so that others like it need not be."""

    def skip(self, start: int, end: int, index: int) -> tuple[int, int]:
        """Count items that are like others before them.

        Args:
            start: Where the next item of the sequence starts.
            end: Where the sequence ends, or a negative number.
            index: The index of the next item.

        Returns:
            Where the first item starts that was not counted, or the sequence ends; and the number of counted items.
        """
        first, position = index, start
        self.is_learning = False
        last: RepeatedItem | None = None
        run = index
        limit = end if end >= 0 else self._source.size
        while position < limit:
            found = self._read_item(position, limit)
            known = None if found is None else self._known.get(found[0])
            if last is not known:
                _add_run(last, run, index)
                last, run = known, index
            if found is None or known is None:
                if found is not None and len(self._known) < _MAX_KNOWN:
                    self._structure, self.is_learning = found[0], True
                break
            index += 1
            position = self._base + found[1]
        _add_run(last, run, index)
        return position, index - first

    def learn(self, item: RepeatedItem) -> None:
        """Remember the item that was just walked through."""
        self._known[self._structure] = item

    def iter_examples(self) -> list[RepeatedItem]:
        """List the items that others were counted by."""
        return [each for each in self._known.values() if each.times]

    def _read_item(self, position: int, limit: int) -> tuple[int, int] | None:
        start = position - self._base
        if 0 <= start < len(self._buffer):
            found = self._reader.read_item(self._buffer, start)
            if found is not None or not start:
                return found
        self._base = position
        self._buffer = self._source.read(position, min(limit, position + _READ_SIZE))
        return self._reader.read_item(self._buffer, 0)


def _add_run(item: RepeatedItem | None, first: int, stop: int) -> None:
    if item is not None and stop > first:
        item.times += stop - first
        if item.into is not None:
            add_ranges(item.into.ranges, [(first, stop - 1)])
