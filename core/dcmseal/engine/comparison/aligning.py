"""Which of the items, frames or elements of one state are which of the other."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Pairs of positions; those that are alike first, in the order of the first state."""

    alike: tuple[tuple[int, int], ...]
    changed: tuple[tuple[int, int], ...]
    """Taken for the same, and not alike."""
    removed: tuple[int, ...]
    added: tuple[int, ...]
    moved: tuple[tuple[int, int], ...]
    """Those among ``alike`` that stand in another order than the others."""


def align(before: Sequence[Hashable], after: Sequence[Hashable]) -> Alignment:
    """Align two rows of fingerprints: equal ones with each other, the nearest first, and what is left in order."""
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
    staying = mark_ascending([j for _, j in alike])
    return Alignment(
        alike=tuple(alike),
        changed=tuple(zip(unmatched, rest, strict=False)),
        removed=tuple(unmatched[pairs:]),
        added=tuple(rest[pairs:]),
        moved=tuple(pair for pair, stays in zip(alike, staying, strict=True) if not stays),
    )


def mark_ascending(numbers: Iterable[int]) -> list[bool]:
    """For each number whether it belongs to the longest ascending row among them: the others were moved."""
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
