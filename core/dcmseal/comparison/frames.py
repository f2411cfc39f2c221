"""Pixel data in parts: frames of native pixel data, and the frames that fragments belong to (PS3.5 A.4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from dcmseal.comparison.fingerprints import Fingerprinter

PIXEL_DATA_TAGS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Float Pixel Data, Double Float Pixel Data, Pixel Data."""
_MAX_FRAMES: Final = 500_000


def frame_size(length: int, frames: int) -> int:
    """Bytes of a frame, if the value comes apart into so many equal frames, and a padding byte; else 0."""
    if not 0 < frames <= min(length, _MAX_FRAMES):
        return 0
    size, rest = divmod(length, frames)
    # the padding byte makes the length even; with two frames and more, it is less than a frame gains by it
    return size if not rest or (rest == 1 and not length & 1) else 0


def fingerprint_frames(pieces: Iterable[bytes], size: int, fingerprint: Fingerprinter) -> tuple[bytes, ...]:
    """The fingerprint of every frame; what is left over belongs to the last one if it is less than two bytes."""
    found: list[bytes] = []
    running, wanted = fingerprint.start(), size
    for piece in pieces:
        view = memoryview(piece)
        while view:
            taken = view[:wanted]
            running.update(taken)
            view, wanted = view[len(taken) :], wanted - len(taken)
            if not wanted:
                found.append(running.digest())
                running, wanted = fingerprint.start(), size
    if wanted != size:
        found.append(running.digest())
    return tuple(found)


def map_fragments_to_frames(fragments: int, frames: int) -> Sequence[int] | None:
    """The frame, from 1, of each fragment, the offset table's 0; None if that cannot be told by their number."""
    if frames == 1:
        return (0, *[1] * (fragments - 1))
    return range(fragments) if frames == fragments - 1 else None


def to_runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending numbers as runs: first and last of each.

    >>> to_runs([1, 2, 3, 7])
    [(1, 3), (7, 7)]
    """
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


def format_runs(runs: Sequence[tuple[int, int]], max_runs: int = 12) -> str:
    """Runs in words, the first of them.

    >>> format_runs([(1, 3), (7, 7)])
    '1-3, 7'
    """
    shown = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs[:max_runs])
    return f"{shown} and more" if len(runs) > max_runs else shown
