"""The differences between two inventories, each with its place in both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from dcmseal.dictionary import keyword_of
from dcmseal.engine.comparison.aligning import Alignment, aligned, in_order
from dcmseal.engine.comparison.inventory import Element, Item
from dcmseal.location import MAIN, Location
from dcmseal.tags import tag_text


class Kind(StrEnum):
    """How two states differ at a place."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    """Another value."""
    VR = "vr"
    """Another VR, and perhaps another value."""
    MOVED = "moved"
    """The same element or item stands in another order."""
    PADDING = "padding"
    """The same value, padded in another way."""
    LENGTHS = "lengths"
    """The same sequence or item, of defined length in one and of undefined length in the other."""
    VR_NOT_STATED = "vr-not-stated"
    """The same value, whose VR the file with implicit VR leaves open."""

    @property
    def is_representation(self) -> bool:
        """Whether both states mean the same."""
        return self in (Kind.PADDING, Kind.LENGTHS, Kind.VR_NOT_STATED)


@dataclass(frozen=True, slots=True)
class Place:
    """An element at a level, or with ``tag`` None the item itself that is the level."""

    level: Location
    tag: int | None = None

    def __str__(self) -> str:
        if self.tag is None:
            return str(self.level)
        name = keyword_of(self.tag) or tag_text(self.tag)
        return f"{self.level}.{name}" if self.level.steps else name

    @property
    def tags(self) -> tuple[int, ...]:
        """The tags on the way, the element's own last."""
        above = tuple(tag for tag, _ in self.level.steps)
        return above if self.tag is None else (*above, self.tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Which frames or fragments of pixel data differ; counted from 0 as they stand in the value."""

    fragments: bool
    before: int
    """How many there were."""
    after: int
    alignment: Alignment


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference, and where it is in both states, or would be."""

    kind: Kind
    before: Place
    after: Place
    old: Element | None = None
    new: Element | None = None
    parts: Parts | None = None
    recoded: bool = False
    """The pixels are in fragments in one only: whether they look alike cannot be told without decoding them."""

    @property
    def path(self) -> Place:
        """Where it is: in the first state, if it is there."""
        return self.after if self.kind is Kind.ADDED else self.before


class _Levels(NamedTuple):
    """Two levels, one of each state, that stand for each other."""

    before: Sequence[Element]
    after: Sequence[Element]
    where: Location
    there: Location


def changes(
    before: Sequence[Element], after: Sequence[Element], where: Location = MAIN, there: Location | None = None
) -> Iterator[Change]:
    """The differences between the elements of two levels, and all that is nested in them.

    ``where`` is the location of the level before, ``there`` after if that is another.
    """
    # nesting is bounded by what the scan admits, which is more than Python's stack likes
    stack = [_level(_Levels(before, after, where, where if there is None else there))]
    while stack:
        for each in stack[-1]:
            if isinstance(each, _Levels):
                stack.append(_level(each))
                break
            yield each
        else:
            stack.pop()


def _level(levels: _Levels) -> Iterator[Change | _Levels]:
    before, after, where, there = levels
    old, new = _by_key(before), _by_key(after)
    common = [key for key in old if key in new]
    if list(old) != list(new):
        position = {key: at for at, key in enumerate(new)}
        staying = in_order([position[key] for key in common])
        for (tag, _), stays in zip(common, staying, strict=True):
            if not stays:
                yield Change(kind=Kind.MOVED, before=Place(where, tag), after=Place(there, tag))
    for key, one in old.items():
        if key in new:
            yield from _between(one, new[key], where, there)
        else:
            yield Change(kind=Kind.REMOVED, before=Place(where, key[0]), after=Place(there, key[0]), old=one)
    for key, other in new.items():
        if key not in old:
            yield Change(kind=Kind.ADDED, before=Place(where, key[0]), after=Place(there, key[0]), new=other)


def _by_key(elements: Sequence[Element]) -> dict[tuple[int, int], Element]:
    """Elements by their tag, and which of that tag they are: hostile files hold some twice."""
    seen: Counter[int] = Counter()
    found: dict[tuple[int, int], Element] = {}
    for each in elements:
        found[each.tag, seen[each.tag]] = each
        seen[each.tag] += 1
    return found


def _between(old: Element, new: Element, where: Location, there: Location) -> Iterator[Change | _Levels]:
    before, after = Place(where, old.tag), Place(there, new.tag)
    if old.items is not None and new.items is not None:
        if old.vr != new.vr:
            kind = Kind.VR if old.stated and new.stated else Kind.VR_NOT_STATED
            yield Change(kind=kind, before=before, after=after, old=old, new=new)
        if _differ(old.undefined, new.undefined):
            yield Change(kind=Kind.LENGTHS, before=before, after=after)
        yield from _items(old.items, new.items, before, after)
        return
    if (old.items is None) != (new.items is None) or old.fragmented != new.fragmented:
        recoded = old.fragmented != new.fragmented
        yield Change(kind=Kind.CHANGED, before=before, after=after, old=old, new=new, recoded=recoded)
        return
    same = old.meaning == new.meaning
    if old.vr != new.vr and not (same and old.stated == new.stated and not old.stated):
        kind = Kind.VR_NOT_STATED if same and not (old.stated and new.stated) else Kind.VR
    elif old.exact == new.exact:
        return
    else:
        kind = Kind.PADDING if same else Kind.CHANGED
    yield Change(kind=kind, before=before, after=after, old=old, new=new, parts=_parts(old, new))


def _parts(old: Element, new: Element) -> Parts | None:
    if not old.parts or not new.parts or old.parts == new.parts:
        return None
    return Parts(
        fragments=old.fragmented,
        before=len(old.parts),
        after=len(new.parts),
        alignment=aligned(old.parts, new.parts),
    )


def _items(old: Sequence[Item], new: Sequence[Item], before: Place, after: Place) -> Iterator[Change | _Levels]:
    assert before.tag is not None
    tag = before.tag
    found = aligned([item.meaning for item in old], [item.meaning for item in new])
    moved = set(found.moved)
    for i, j in sorted((*found.alike, *found.changed)):
        where, there = before.level.item(tag, i), after.level.item(tag, j)
        if (i, j) in moved:
            yield Change(kind=Kind.MOVED, before=Place(where), after=Place(there))
        if _differ(old[i].undefined, new[j].undefined):
            yield Change(kind=Kind.LENGTHS, before=Place(where), after=Place(there))
        yield _Levels(old[i].elements, new[j].elements, where, there)
    for i in found.removed:
        yield Change(kind=Kind.REMOVED, before=Place(before.level.item(tag, i)), after=after)
    for j in found.added:
        yield Change(kind=Kind.ADDED, before=before, after=Place(after.level.item(tag, j)))


def _differ(before: bool | None, after: bool | None) -> bool:  # noqa: FBT001 - two answers of the same question
    return before is not None and after is not None and before != after
