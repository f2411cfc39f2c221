"""Fragments of Encapsulated Pixel Data, whose boundaries the MAC does not always protect (PS3.5 A.4).

The MAC covers the bytes of fragments and the tags between them, but not their lengths. So two fragments have the same
MAC as one fragment that contains the bytes of an item tag where they meet. In the same way, a fragment can contain the
bytes of the delimiter and what follows it. If a fragment contains such bytes, it is not certain what was signed.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from struct import calcsize, unpack
from typing import Final

from dcmseal.dataset.source import Buffer
from dcmseal.dataset.vr import LONG_VRS, SHORT_VRS
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.tags import PIXEL_DATA, format_tag
from dcmseal.walker.compiled import WALKER

_BOUNDARY: Final = re.compile(rb"\xfe\xff(?:\x00|\xdd)\xe0")
"""The tag of an item or of the Sequence Delimitation Item, in little endian as in the MAC."""
_END: Final = 0xDD
_FOLLOWING: Final = (b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0")
_VRS: Final = SHORT_VRS | LONG_VRS
_LOOKAHEAD: Final = 10
"""Bytes needed to recognize a boundary: its tag, and tag and VR of the element behind it."""
MAX_FRAGMENTS: Final = 1 << 21
"""The number of fragments whose sizes are kept, 8 bytes each; a slide image has some hundred thousand."""
_MAX_TABLE: Final = 1 << 24
"""Size in bytes of the largest offset table to check, enough for millions of frames."""


def _is_boundary(buffer: Buffer, at: int, offset: int) -> bool:
    """Whether a tag inside a fragment could have been a boundary; missing bytes behind it could have any value."""
    if buffer[at + 2] != _END:
        # fragments have an even length
        return not offset & 1
    following = bytes(buffer[at + 4 : at + _LOOKAHEAD])
    return len(following) < _LOOKAHEAD - 4 or following[:4] in _FOLLOWING or following[4:6] in _VRS


def holds_boundary(buffer: bytes, start: int = 0, end: int | None = None) -> bool:
    """Whether a fragment contains bytes that look like its end.

    An item tag does so at every even offset. The tag of a Sequence Delimitation Item does so if an element, item or
    delimiter seems to follow, which is rarely the case by chance.

    Args:
        buffer: Contains the fragment.
        start: Where the fragment starts in the buffer.
        end: Where it ends; None for the end of the buffer.
    """
    stop = len(buffer) if end is None else end
    at = _find_mark(buffer, start, stop)
    while at >= 0:
        if _is_boundary(buffer[at : min(stop, at + _LOOKAHEAD)], 0, at - start):
            return True
        at = _find_mark(buffer, at + len(_FOLLOWING[0]), stop)
    return False


def _find_mark(buffer: Buffer, start: int, end: int) -> int:
    """Find the tag of an item or of a Sequence Delimitation Item; -1 if there is none."""
    if WALKER is not None:
        return WALKER.find_mark(buffer, start, end)
    match = _BOUNDARY.search(buffer, start, end)
    return -1 if match is None else match.start()


def _iter_marks(buffer: Buffer) -> Iterator[int]:
    at = _find_mark(buffer, 0, len(buffer))
    while at >= 0:
        yield at
        at = _find_mark(buffer, at + len(_FOLLOWING[0]), len(buffer))


class BoundarySearch:
    """Does what ``holds_boundary`` does, for a fragment in pieces."""

    __slots__ = ("_is_found", "_offset", "_tail")

    def __init__(self) -> None:
        self._tail = b""
        self._offset = 0
        self._is_found = False

    def update(self, piece: Buffer) -> None:
        """Search the next piece of the fragment."""
        if not self._is_found:
            seam = self._tail + bytes(piece[: _LOOKAHEAD - 1])
            self._search(seam, self._offset - len(self._tail))
            self._search(piece, self._offset)
        self._tail = (self._tail + bytes(piece[-_LOOKAHEAD + 1 :]))[-_LOOKAHEAD + 1 :]
        self._offset += len(piece)

    def _search(self, buffer: Buffer, offset: int) -> None:
        """Search for boundaries that have enough bytes behind them to be recognized."""
        for at in _iter_marks(buffer):
            if at + _LOOKAHEAD <= len(buffer) and _is_boundary(buffer, at, offset + at):
                self._is_found = True
                return

    def finish(self) -> bool:
        """End the fragment; returns whether it contains a boundary."""
        offset = self._offset - len(self._tail)
        return self._is_found or any(_is_boundary(self._tail, at, offset + at) for at in _iter_marks(self._tail))


class FragmentLayout:
    """The sizes of the fragments of one element in their order; the first is the Basic Offset Table.

    Args:
        max_fragments: The number of fragments whose sizes are kept.
    """

    __slots__ = ("_is_complete", "_max_fragments", "_sizes", "end_length", "holds_boundary")

    def __init__(self, max_fragments: int = MAX_FRAGMENTS) -> None:
        self._sizes = array("Q")
        self._is_complete = True
        self._max_fragments = max_fragments
        self.holds_boundary = False
        """Whether a fragment contains bytes that look like its end."""
        self.end_length = 0
        """Length of the delimiter behind the last fragment, which has to be 0 (PS3.5 7.5)."""

    def add(self, size: int) -> None:
        """Add the next fragment."""
        if len(self._sizes) < self._max_fragments:
            self._sizes.append(size)
        else:
            self._is_complete = False

    @property
    def last_size(self) -> int:
        """Size of the last fragment in bytes; 0 if it is not known."""
        return self._sizes[-1] if self._sizes and self._is_complete else 0

    def findings(self, table: bytes, extended: bytes, lengths: bytes, frames: int | None) -> Iterator[Finding]:
        """Report what readers disagree about.

        Args:
            table: The Basic Offset Table.
            extended: The Extended Offset Table (7FE0,0001); empty if there is none.
            lengths: The Extended Offset Table Lengths (7FE0,0002); empty if there are none.
            frames: The Number of Frames (0028,0008); None if it is not known.
        """
        if any(size & 1 for size in self._sizes):
            yield _fragment_finding("fragment-odd", "has a fragment of odd length")
        if self.end_length:
            message = "ends with a delimiter whose length is not 0"
            yield _fragment_finding("delimiter-length", message, clause="PS3.5 7.5")
        if not self._is_complete:
            yield _fragment_finding("too-many-fragments", f"has more than {self._max_fragments} fragments")
            return
        if not self._sizes:
            yield _fragment_finding("offset-table-wrong", "has no Basic Offset Table, not even an empty one")
            return
        for name, offsets in (("Basic", _unpack_table(table, "I")), ("Extended", _unpack_table(extended, "Q"))):
            if offsets is None or (offsets and not self._fits(offsets, frames)):
                message = f"has a {name} Offset Table that does not match its fragments"
                yield _fragment_finding("offset-table-wrong", message)
        if not self._has_lengths(_unpack_table(lengths, "Q"), len(extended) // 8):
            message = "has Extended Offset Table Lengths that do not match its fragments"
            yield _fragment_finding("offset-table-wrong", message)
        if len(self._sizes) - 1 > (frames or 1):
            yield Finding(
                aspect=Aspect.COVERAGE,
                outcome=Outcome.UNKNOWN,
                code="frames-in-fragments",
                message="a frame has several fragments: the MAC does not cover where one ends and the next begins",
                where=format_tag(PIXEL_DATA),
                clause="PS3.3 C.12.1.1.3.1.1",
            )

    def _has_lengths(self, lengths: Sequence[int] | None, frames: int) -> bool:
        """Whether each length is that of a frame: of a fragment without its padding (PS3.3 C.7.6.3.1.8).

        Some writers include the header of the fragment; readers show the same frame then.
        """
        if lengths is None or len(lengths) != frames:
            return False
        return not lengths or all(
            length in (size - 1, size, size + 8) for length, size in zip(lengths, self._sizes[1:], strict=False)
        )

    def _fits(self, offsets: Sequence[int], frames: int | None) -> bool:
        """Whether there is one offset for each frame, and each is that of a fragment, starting with the first."""
        if offsets[0] != 0 or (frames is not None and len(offsets) != frames):
            return False
        wanted = iter(offsets)
        following: int | None = next(wanted)
        position = 0
        for size in self._sizes[1:]:
            if position == following:
                following = next(wanted, None)
            position += 8 + size
        return following is None


def _unpack_table(table: bytes, code: str) -> tuple[int, ...] | None:
    count, rest = divmod(len(table), calcsize(f"<{code}"))
    return None if rest or len(table) > _MAX_TABLE else unpack(f"<{count}{code}", table)


def _fragment_finding(code: str, message: str, clause: str = "PS3.5 A.4") -> Finding:
    return Finding(
        aspect=Aspect.FORM,
        outcome=Outcome.FAILED,
        code=code,
        message=f"{format_tag(PIXEL_DATA)} {message}",
        where=format_tag(PIXEL_DATA),
        clause=clause,
    )
