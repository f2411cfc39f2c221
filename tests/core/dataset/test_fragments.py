"""Fragments that a MAC cannot tell apart, and offset tables that do not fit, are named."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmseal.dataset.fragments import BoundarySearch, FragmentLayout, holds_boundary
from tests.support.strategies import chunks

ITEM, END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
ELEMENT = struct.pack("<HH2sH", 0x7FE1, 0x0010, b"LO", 4) + b"ACME"


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        (b"AAAABBBB", False),
        (b"AAAA" + ITEM + b"BBBB", True),
        (ITEM, True),
        (b"AAA" + ITEM + b"B", False),  # fragments have even lengths
        (b"AAAA" + END + ELEMENT, True),
        (b"AAA" + END + ELEMENT + b"A", True),
        (b"AAAA" + END + END + b"AA", True),
        (b"AAAA" + END + ITEM, True),
        (b"AAAA" + END, True),  # what follows the fragment may be anything
        (b"AAAA" + END + b"0123456789", False),
    ],
)
def test_bytes_that_read_as_the_end_of_a_fragment(fragment: bytes, expected: bool) -> None:
    assert holds_boundary(fragment) is expected
    assert holds_boundary(b"A" + fragment + b"LO", 1, 1 + len(fragment)) is expected


PIECES = st.lists(st.sampled_from((ITEM, END, ELEMENT, b"A", b"\xfe", b"\xfe\xff", b"0123456789")), max_size=8)


@given(draw=st.data(), pieces=PIECES)
def test_the_search_does_not_depend_on_chunk_sizes(draw: st.DataObject, pieces: list[bytes]) -> None:
    fragment = b"".join(pieces)
    search = BoundarySearch()
    for piece in draw.draw(chunks(fragment)):
        search.update(piece)
    assert search.finish() is holds_boundary(fragment)


def codes(
    sizes: list[int],
    table: list[int],
    frames: int | None = 1,
    extended: list[int] | None = None,
    lengths: list[int] | None = None,
    end: int = 0,
) -> set[str]:
    layout = FragmentLayout()
    for size in (4 * len(table), *sizes):
        layout.add(size)
    layout.end_length = end
    offsets = struct.pack(f"<{len(extended or ())}Q", *(extended or ()))
    given = [size for size, _ in zip(sizes, extended or (), strict=False)] if lengths is None else lengths
    said = struct.pack(f"<{len(given)}Q", *given)
    return {each.code for each in layout.findings(struct.pack(f"<{len(table)}I", *table), offsets, said, frames)}


def test_offset_tables() -> None:
    assert codes([10], []) == codes([10], [0]) == codes([10], [], extended=[0]) == set()
    assert codes([10, 6, 8], [0, 18, 32], frames=3) == codes([10, 6], [0, 18], frames=None) - {"frames-in-fragments"}
    assert codes([10, 6, 8], [0, 18], frames=2) == {"frames-in-fragments"}
    for table, frames in (
        ([4], 1),
        ([0, 18], 1),
        ([0, 17, 32], 3),
        ([0, 32, 18], 3),
        ([0, 0, 18], 3),
        ([0, 18, 99], 3),
    ):
        assert "offset-table-wrong" in codes([10, 6, 8], table, frames)
    assert "offset-table-wrong" in codes([10], [], extended=[8])
    assert codes([10, 6], [], frames=2, extended=[0, 18], lengths=[9, 6]) == set()
    assert codes([10, 6], [], frames=2, extended=[0, 18], lengths=[18, 14]) == set()
    for lengths in ([8, 6], [10], [10, 6, 1], [11, 6], []):
        assert codes([10, 6], [], frames=2, extended=[0, 18], lengths=lengths) == {"offset-table-wrong"}
    assert codes([10], [], lengths=[10]) == {"offset-table-wrong"}
    broken = FragmentLayout()
    broken.add(3)
    assert {each.code for each in broken.findings(b"abc", b"", b"", 1)} == {"offset-table-wrong", "fragment-odd"}
    assert {each.code for each in FragmentLayout().findings(b"", b"", b"", 1)} == {"offset-table-wrong"}


def test_lengths_of_fragments_and_of_their_end() -> None:
    assert codes([7], []) == {"fragment-odd"}
    assert codes([8], [], end=4) == {"delimiter-length"}


def test_memory_is_bounded() -> None:
    for count, code in (3, "frames-in-fragments"), (4, "too-many-fragments"):
        layout = FragmentLayout(max_fragments=3)
        for _ in range(count):
            layout.add(8)
        assert {each.code for each in layout.findings(b"", b"", b"", None)} == {code}
