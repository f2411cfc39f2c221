"""Divide pixel data into frames, and map fragments to frames (PS3.5 A.4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from dcmseal.comparison.fingerprints import Fingerprinter

PIXEL_DATA_TAGS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Float Pixel Data, Double Float Pixel Data, Pixel Data."""
_MAX_FRAMES: Final = 500_000


def frame_size(length: int, frames: int) -> int:
    """Compute the size of a frame of native pixel data.

    Args:
        length: Length of the value in bytes, which may include one padding byte.
        frames: Number of frames.

    Returns:
        The size in bytes; 0 if the value cannot be divided into frames of equal size.
    """
    if not 0 < frames <= min(length, _MAX_FRAMES):
        return 0
    size, rest = divmod(length, frames)
    # the padding byte makes the length even
    return size if not rest or (rest == 1 and not length & 1) else 0


def fingerprint_frames(pieces: Iterable[bytes], size: int, fingerprint: Fingerprinter) -> tuple[bytes, ...]:
    """Compute the fingerprint of each frame.

    Args:
        pieces: The value in pieces of any size.
        size: The size of a frame in bytes.
        fingerprint: Computes the fingerprints.

    Returns:
        The fingerprints; a padding byte counts as one more frame.
    """
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
    """Map fragments to the frames they belong to.

    Args:
        fragments: Number of fragments, including the offset table.
        frames: Number of frames.

    Returns:
        For each fragment the number of its frame, from 1, and 0 for the offset table; None if it is not known.
    """
    if frames == 1:
        return (0, *[1] * (fragments - 1))
    return range(fragments) if frames == fragments - 1 else None


def to_runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Group ascending numbers into ranges of first and last number.

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
    """Format ranges for people, at most ``max_runs`` of them.

    >>> format_runs([(1, 3), (7, 7)])
    '1-3, 7'
    """
    shown = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs[:max_runs])
    return f"{shown} and more" if len(runs) > max_runs else shown
