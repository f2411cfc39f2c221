"""Find the differences between two inventories, with their paths in both."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from dcmseal.comparison.inventory import Element, InventoryItem
from dcmseal.dictionary import tag_keyword
from dcmseal.location import MAIN, Location
from dcmseal.tags import format_tag


class Alignment(Struct, frozen=True, kw_only=True):
    """Positions in two sequences that correspond to each other, in the order of the first one."""

    alike: tuple[tuple[int, int], ...]
    """Pairs with equal content."""
    changed: tuple[tuple[int, int], ...]
    """Pairs that correspond to each other, with different content."""
    removed: tuple[int, ...]
    added: tuple[int, ...]
    moved: tuple[tuple[int, int], ...]
    """Those of ``alike`` whose order changed."""


def align(before: Sequence[Hashable], after: Sequence[Hashable]) -> Alignment:
    """Align two sequences of fingerprints.

    Equal fingerprints are paired, the nearest first. The rest is paired in order.

    Args:
        before: The fingerprints of the first version.
        after: The fingerprints of the second version.

    Returns:
        The alignment.
    """
    alike = [(i, i) for i, (one, other) in enumerate(zip(before, after, strict=False)) if one == other]
    taken = {i for i, _ in alike}
    left_before = [i for i in range(len(before)) if i not in taken]
    left_after = [j for j in range(len(after)) if j not in taken]
    places: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for j in left_after:
        places[after[j]].append(j)
    unmatched: list[int] = []
    for i in left_before:
        if (found := places.get(before[i])) is not None and found:
            alike.append((i, found.popleft()))
        else:
            unmatched.append(i)
    alike.sort()
    rest = sorted(j for queue in places.values() for j in queue)
    pairs = min(len(unmatched), len(rest))
    stay_in_order = mark_ascending([j for _, j in alike])
    return Alignment(
        alike=tuple(alike),
        changed=tuple(zip(unmatched, rest, strict=False)),
        removed=tuple(unmatched[pairs:]),
        added=tuple(rest[pairs:]),
        moved=tuple(pair for pair, stays in zip(alike, stay_in_order, strict=True) if not stays),
    )


def mark_ascending(numbers: Iterable[int]) -> list[bool]:
    """Find the longest ascending subsequence: the numbers that are not part of it were moved.

    Args:
        numbers: The numbers.

    Returns:
        For each number, whether it is part of the subsequence.
    """
    values = list(numbers)
    ends: list[int] = []
    last: list[int] = []
    previous: list[int] = []
    for index, value in enumerate(values):
        at = bisect_left(ends, value)
        previous.append(last[at - 1] if at else -1)
        if at == len(ends):
            ends.append(value)
            last.append(index)
        else:
            ends[at], last[at] = value, index
    found = [False] * len(values)
    index = last[-1] if last else -1
    while index >= 0:
        found[index] = True
        index = previous[index]
    return found


class ChangeKind(StrEnum):
    """The type of a difference."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    """The value changed."""
    VR = "vr"
    """The VR changed, and possibly the value."""
    MOVED = "moved"
    """The order of elements or items changed."""
    PADDING = "padding"
    """The padding of the value changed."""
    LENGTHS = "lengths"
    """The sequence or item has defined length in one version, and undefined length in the other."""
    VR_NOT_STATED = "vr-not-stated"
    """The value is the same, but a file in Implicit VR does not state the VR."""

    @property
    def is_representation(self) -> bool:
        """Whether only the encoding differs, not the meaning."""
        return self in (ChangeKind.PADDING, ChangeKind.LENGTHS, ChangeKind.VR_NOT_STATED)


class ElementPath(Struct, frozen=True):
    """The path of an element; of the item itself if ``tag`` is None."""

    level: Location
    tag: int | None = None

    def __str__(self) -> str:
        if self.tag is None:
            return str(self.level)
        name = tag_keyword(self.tag) or format_tag(self.tag)
        return f"{self.level}.{name}" if self.level.steps else name

    @property
    def tags(self) -> tuple[int, ...]:
        """The tags of the enclosing sequences, followed by the element's own."""
        above = tuple(tag for tag, _ in self.level.steps)
        return above if self.tag is None else (*above, self.tag)


class PixelPartChanges(Struct, frozen=True, kw_only=True):
    """The frames or fragments of pixel data that differ, counted from 0."""

    fragments: bool
    before: int
    """Number of parts in the first version."""
    after: int
    """Number of parts in the second version."""
    alignment: Alignment


class Change(Struct, frozen=True, kw_only=True):
    """One difference, with its path in both versions."""

    kind: ChangeKind
    before: ElementPath
    after: ElementPath
    old: Element | None = None
    new: Element | None = None
    parts: PixelPartChanges | None = None
    recoded: bool = False
    """Only one version is encapsulated, so the pixels would have to be decoded to compare them."""

    @property
    def path(self) -> ElementPath:
        """The path in the first version, or in the second one if it was added."""
        return self.after if self.kind is ChangeKind.ADDED else self.before


class _LevelPair(NamedTuple):
    """Two levels, one of each version, that correspond to each other."""

    before: Sequence[Element]
    after: Sequence[Element]
    old_location: Location
    new_location: Location


def iter_changes(
    before: Sequence[Element],
    after: Sequence[Element],
    old_location: Location = MAIN,
    new_location: Location | None = None,
) -> Iterator[Change]:
    """Iterate over the differences between two levels, including nested items.

    Args:
        before: The elements of the first version.
        after: The elements of the second version.
        old_location: The location of the level in the first version.
        new_location: The location in the second version; None if it is the same.
    """
    # a stack instead of recursion: the scanner allows deeper nesting than Python does
    stack = [
        _compare_level(_LevelPair(before, after, old_location, old_location if new_location is None else new_location))
    ]
    while stack:
        for each in stack[-1]:
            if isinstance(each, _LevelPair):
                stack.append(_compare_level(each))
                break
            yield each
        else:
            stack.pop()


def _compare_level(levels: _LevelPair) -> Iterator[Change | _LevelPair]:
    before, after, old_location, new_location = levels
    old, new = _index_by_key(before), _index_by_key(after)
    common = [key for key in old if key in new]
    if list(old) != list(new):
        position = {key: at for at, key in enumerate(new)}
        stay_in_order = mark_ascending([position[key] for key in common])
        for (tag, _), stays in zip(common, stay_in_order, strict=True):
            if not stays:
                yield Change(
                    kind=ChangeKind.MOVED, before=ElementPath(old_location, tag), after=ElementPath(new_location, tag)
                )
    for key, one in old.items():
        if key in new:
            yield from _compare_elements(one, new[key], old_location, new_location)
        else:
            yield Change(
                kind=ChangeKind.REMOVED,
                before=ElementPath(old_location, key[0]),
                after=ElementPath(new_location, key[0]),
                old=one,
            )
    for key, other in new.items():
        if key not in old:
            yield Change(
                kind=ChangeKind.ADDED,
                before=ElementPath(old_location, key[0]),
                after=ElementPath(new_location, key[0]),
                new=other,
            )


def _index_by_key(elements: Sequence[Element]) -> dict[tuple[int, int], Element]:
    """Index elements by tag and occurrence, because malformed files contain some tags twice."""
    seen: Counter[int] = Counter()
    found: dict[tuple[int, int], Element] = {}
    for each in elements:
        found[each.tag, seen[each.tag]] = each
        seen[each.tag] += 1
    return found


def _compare_elements(
    old: Element, new: Element, old_location: Location, new_location: Location
) -> Iterator[Change | _LevelPair]:
    before, after = ElementPath(old_location, old.tag), ElementPath(new_location, new.tag)
    if old.items is not None and new.items is not None:
        if old.vr != new.vr:
            kind = ChangeKind.VR if old.stated and new.stated else ChangeKind.VR_NOT_STATED
            yield Change(kind=kind, before=before, after=after, old=old, new=new)
        if _differ(old.undefined, new.undefined):
            yield Change(kind=ChangeKind.LENGTHS, before=before, after=after)
        yield from _compare_items(old.items, new.items, before, after)
        return
    if (old.items is None) != (new.items is None) or old.fragmented != new.fragmented:
        recoded = old.fragmented != new.fragmented
        yield Change(kind=ChangeKind.CHANGED, before=before, after=after, old=old, new=new, recoded=recoded)
        return
    same = old.meaning == new.meaning
    if old.vr != new.vr and not (same and old.stated == new.stated and not old.stated):
        kind = ChangeKind.VR_NOT_STATED if same and not (old.stated and new.stated) else ChangeKind.VR
    elif old.exact == new.exact:
        return
    else:
        kind = ChangeKind.PADDING if same else ChangeKind.CHANGED
    yield Change(kind=kind, before=before, after=after, old=old, new=new, parts=_compare_parts(old, new))


def _compare_parts(old: Element, new: Element) -> PixelPartChanges | None:
    if not old.parts or not new.parts or old.parts == new.parts:
        return None
    return PixelPartChanges(
        fragments=old.fragmented,
        before=len(old.parts),
        after=len(new.parts),
        alignment=align(old.parts, new.parts),
    )


def _compare_items(
    old: Sequence[InventoryItem], new: Sequence[InventoryItem], before: ElementPath, after: ElementPath
) -> Iterator[Change | _LevelPair]:
    assert before.tag is not None
    tag = before.tag
    found = align([item.meaning for item in old], [item.meaning for item in new])
    moved = set(found.moved)
    for i, j in sorted((*found.alike, *found.changed)):
        old_location, new_location = before.level.item(tag, i), after.level.item(tag, j)
        if (i, j) in moved:
            yield Change(kind=ChangeKind.MOVED, before=ElementPath(old_location), after=ElementPath(new_location))
        if _differ(old[i].undefined, new[j].undefined):
            yield Change(kind=ChangeKind.LENGTHS, before=ElementPath(old_location), after=ElementPath(new_location))
        yield _LevelPair(old[i].elements, new[j].elements, old_location, new_location)
    for i in found.removed:
        yield Change(kind=ChangeKind.REMOVED, before=ElementPath(before.level.item(tag, i)), after=after)
    for j in found.added:
        yield Change(kind=ChangeKind.ADDED, before=before, after=ElementPath(after.level.item(tag, j)))


def _differ(before: bool | None, after: bool | None) -> bool:  # noqa: FBT001 - two values of one property
    return before is not None and after is not None and before != after
