"""Differences of pixel data: frames and fragments."""

from __future__ import annotations

from typing import Any

import pytest

import dcmseal
from dcmseal import tags
from tests.support import builder as b


def frames(count: int, size: int, *changed: int, vr: str = "OW", more: bytes = b"") -> tuple[b.Node, ...]:
    """An image with native frames, some of them with another byte in the middle."""
    pixels = bytearray(b"".join(bytes((number % 251,)) * size for number in range(count)))
    for number in changed:
        pixels[(number - 1) * size + size // 2] ^= 1
    pixels += more + bytes((len(pixels) + len(more)) % 2)
    return b.in_order(
        *b.image(b.text(tags.NUMBER_OF_FRAMES, "IS", str(count)))[:-1], b.Value(tags.PIXEL_DATA, vr, bytes(pixels))
    )


@pytest.mark.parametrize("syntax", [b.EXPLICIT_LE, b.IMPLICIT_LE, b.EXPLICIT_BE], ids=lambda syntax: syntax.uid)
@pytest.mark.parametrize(("count", "size"), [(1, 101), (9, 7), (3, 100_001), (40, 4096)])
def test_frames_that_changed_are_counted(count: int, size: int, syntax: b.Syntax) -> None:
    changed = {1, count, (count + 1) // 2}
    comparison = dcmseal.compare(b.file(frames(count, size)), b.file(frames(count, size, *changed, vr="OW"), syntax))
    (pixels,) = (each for each in comparison.differences if each.path == "PixelData")
    assert pixels.frames is not None
    assert {n for first, last in pixels.frames.changed for n in range(first, last + 1)} == changed
    assert (pixels.frames.fragments, pixels.frames.added, pixels.frames.removed) == (False, (), ())


def test_frames_that_were_added_removed_or_swapped() -> None:
    first = frames(5, 10)
    pixels = first[-1]
    assert isinstance(pixels, b.Value)
    value = pixels.value
    swapped = value[10:20] + value[:10] + value[20:]
    for other, expected in (
        (value[:20] + value[30:], ((), ((3, 3),), (), ())),
        (value + b"\xff" * 10, ((), (), ((6, 6),), ())),
        (swapped, ((), (), (), ((1, 1),))),
    ):
        second = (*first[:-1], b.Value(tags.PIXEL_DATA, "OW", other))
        (difference,) = dcmseal.compare(b.file(first), b.file(second)).differences
        found = difference.frames
        assert found is not None
        assert (found.changed, found.removed, found.added, found.moved) == expected


@pytest.mark.parametrize(("number", "in_frames"), [(3, ((2, 2),)), (1, ((1, 1),)), (2, ())])
def test_fragments_that_changed_are_counted(number: int, in_frames: Any) -> None:
    def compressed(*pieces: bytes) -> bytes:
        nodes = b.image(b.text(tags.NUMBER_OF_FRAMES, "IS", str(number)))[:-1]
        return b.file((*nodes, b.Fragments(fragments=(b"", *pieces))), b.JPEG_BASELINE)

    first, second = compressed(b"aa", b"bb", b"cc"), compressed(b"aa", b"xx", b"cc")
    (pixels,) = dcmseal.compare(first, second).differences
    assert pixels.frames is not None
    assert (pixels.frames.fragments, pixels.frames.changed, pixels.frames.frames) == (True, ((2, 2),), in_frames)
    (fewer,) = dcmseal.compare(first, compressed(b"aa", b"cc")).differences
    assert fewer.frames is not None
    assert fewer.frames.removed == ((2, 2),)


def test_compressed_pixels_are_not_held_against_others() -> None:
    compressed = b.file((*b.image()[:-1], b.Fragments(fragments=(b"", b"aa"))), b.JPEG_BASELINE)
    for first, second in ((b.file(b.image()), compressed), (compressed, b.file(b.image()))):
        pixels = dcmseal.compare(first, second).differences[-1]
        assert (pixels.path, pixels.recoded, pixels.frames) == ("PixelData", True, None)
