"""Fragments of Encapsulated Pixel Data: what the MAC does not say about where they end (PS3.5 A.4).

The MAC holds the bytes of fragments and the tags between them, not their lengths. Two fragments, and one that holds the
bytes of an item tag where they meet, have the same MAC; so have fragments that end, and one that goes on behind the
bytes of the delimiter. Where such bytes stand inside a fragment, nobody can tell which of both was signed.
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

_BOUNDARY: Final = re.compile(rb"\xfe\xff(?:\x00|\xdd)\xe0")
"""The tag of an item, or of the Sequence Delimitation Item, in little endian as they are in the MAC."""
_END: Final = 0xDD
_FOLLOWING: Final = (b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0")
_VRS: Final = SHORT_VRS | LONG_VRS
_LOOKAHEAD: Final = 10
"""Bytes that tell whether a boundary is one: its tag, and the header of the element behind it as far as the VR."""
_MAX_FRAGMENTS: Final = 1 << 21
"""Fragments whose sizes are kept, 8 bytes each; a slide image has some hundred thousand."""
_MAX_TABLE: Final = 1 << 24
"""Bytes of a Basic Offset Table that is looked at: frames by the million."""


def _is_boundary(buffer: Buffer, at: int, offset: int) -> bool:
    """Whether a tag inside a fragment could have been a boundary; what is missing behind it could be anything."""
    if buffer[at + 2] != _END:
        # fragments are of even length
        return not offset & 1
    following = bytes(buffer[at + 4 : at + _LOOKAHEAD])
    return len(following) < _LOOKAHEAD - 4 or following[:4] in _FOLLOWING or following[4:6] in _VRS


def holds_boundary(buffer: bytes, start: int = 0, end: int | None = None) -> bool:
    """Whether a fragment holds bytes that read as its end.

    An item tag reads so wherever a fragment of even length could end. The tag of a Sequence Delimitation Item does so
    where what follows reads as the next element, item or end: pixels rarely hold that by chance.

    Args:
        buffer: holds the fragment.
        start: where it begins in the buffer.
        end: where it ends, None for the end of the buffer.
    """
    stop = len(buffer) if end is None else end
    match = _BOUNDARY.search(buffer, start, stop)
    # hardly any fragment has one: iterating over matches would take longer to set up than this takes
    while match is not None:
        at = match.start()
        if _is_boundary(buffer[at : min(stop, at + _LOOKAHEAD)], 0, at - start):
            return True
        match = _BOUNDARY.search(buffer, match.end(), stop)
    return False


class BoundarySearch:
    """What ``holds_boundary`` says of a fragment that comes in pieces."""

    __slots__ = ("_held", "_is_found", "_offset")

    def __init__(self) -> None:
        self._held = b""
        self._offset = 0
        self._is_found = False

    def update(self, piece: Buffer) -> None:
        """Take the next piece of the fragment."""
        if not self._is_found:
            seam = self._held + bytes(piece[: _LOOKAHEAD - 1])
            self._search(seam, self._offset - len(self._held))
            self._search(piece, self._offset)
        self._held = (self._held + bytes(piece[-_LOOKAHEAD + 1 :]))[-_LOOKAHEAD + 1 :]
        self._offset += len(piece)

    def _search(self, buffer: Buffer, offset: int) -> None:
        """Look for boundaries behind which enough is known to tell what they are."""
        for match in _BOUNDARY.finditer(buffer):
            if match.start() + _LOOKAHEAD <= len(buffer) and _is_boundary(
                buffer, match.start(), offset + match.start()
            ):
                self._is_found = True
                return

    def finish(self) -> bool:
        """Whether the fragment, now complete, holds a boundary."""
        offset = self._offset - len(self._held)
        return self._is_found or any(
            _is_boundary(self._held, match.start(), offset + match.start()) for match in _BOUNDARY.finditer(self._held)
        )


class FragmentLayout:
    """Where the fragments of one element stand, in the order they are encoded; the first is the offset table."""

    __slots__ = ("_is_complete", "_sizes", "end_length", "holds_boundary")

    def __init__(self) -> None:
        self._sizes = array("Q")
        self._is_complete = True
        self.holds_boundary = False
        self.end_length = 0
        """Length of the delimiter behind the last fragment, which has to be 0 (PS3.5 7.5)."""

    def add(self, size: int) -> None:
        """Take the next fragment, of so many bytes."""
        if len(self._sizes) < _MAX_FRAGMENTS:
            self._sizes.append(size)
        else:
            self._is_complete = False

    @property
    def last_size(self) -> int:
        """Size of the last fragment in bytes, or 0."""
        return self._sizes[-1] if self._sizes and self._is_complete else 0

    def findings(self, table: bytes, extended: bytes, lengths: bytes, frames: int | None) -> Iterator[Finding]:
        """Say what readers take differently.

        Args:
            table: value of the Basic Offset Table.
            extended: value of Extended Offset Table (7FE0,0001), empty if there is none.
            lengths: value of Extended Offset Table Lengths (7FE0,0002), likewise.
            frames: Number of Frames (0028,0008), None if it is not said.
        """
        if any(size & 1 for size in self._sizes):
            yield _fragment_finding("fragment-odd", "has a fragment of odd length")
        if self.end_length:
            yield _fragment_finding(
                "delimiter-length", "ends with a delimiter whose length is not 0", clause="PS3.5 7.5"
            )
        if not self._is_complete:
            yield _fragment_finding("too-many-fragments", f"has more than {_MAX_FRAGMENTS} fragments")
            return
        if not self._sizes:
            yield _fragment_finding("offset-table-wrong", "has no Basic Offset Table, not even an empty one")
            return
        for name, offsets in (("Basic", _unpack_table(table, "I")), ("Extended", _unpack_table(extended, "Q"))):
            if offsets is None or (offsets and not self._fits(offsets, frames)):
                yield _fragment_finding(
                    "offset-table-wrong", f"has a {name} Offset Table that does not fit its fragments"
                )
        if not self._has_lengths(_unpack_table(lengths, "Q"), len(extended) // 8):
            yield _fragment_finding(
                "offset-table-wrong", "has Extended Offset Table Lengths that do not fit its fragments"
            )
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
        """Whether each length is that of a frame, which is a fragment, less its padding (PS3.3 C.7.6.3.1.8).

        Some writers count the header of the fragment, too: of these lengths, readers make no other frame.
        """
        if lengths is None or len(lengths) != frames:
            return False
        return not lengths or all(
            length in (size - 1, size, size + 8) for length, size in zip(lengths, self._sizes[1:], strict=False)
        )

    def _fits(self, offsets: Sequence[int], frames: int | None) -> bool:
        """Whether each offset is that of a fragment, beginning with the first, one for each frame."""
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
