"""Edits of a Data Set: bytes are replaced, the lengths around them are corrected, and everything else stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Final

from msgspec import Struct

from dcmseal.dataset.source import BytesSource, JoinedSource, Source
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.errors import DatasetError, Malformed
from dcmseal.tags import format_tag

_MAX_GAP: Final = 256
"""Bytes between two edits that are copied to join the edits."""
_MAX_JOINED_SIZE: Final = 1 << 16
"""Bytes of the range that joined edits replace."""


def not_a_sequence_error(tag: int) -> DatasetError:
    """Build the error for an element of the Digital Signatures Macro that is not a sequence."""
    return DatasetError(
        f"{format_tag(tag)} already exists, but is not a sequence",
        hint="the data set is damaged, or its signatures do not conform to the standard: verify it for details",
    )


class Edit(Struct, frozen=True, order=True):
    """Replaces the bytes from ``start`` to ``end`` with ``data``."""

    start: int
    end: int
    data: bytes

    @property
    def growth(self) -> int:
        """The number of bytes by which the Data Set becomes longer."""
        return len(self.data) - (self.end - self.start)


class LengthField(Struct, frozen=True):
    """The 32-bit length of a sequence, item or group that contains a level: its position and value."""

    length_at: int
    length: int
    encoding: Encoding
    is_group: bool = False
    """Whether it is a group length (gggg,0000): these are retired and often wrong, so a wrong one is not an error."""

    def grow(self, growth: int) -> Edit:
        """Build the edit that increases the length; raises Malformed if the new one does not fit."""
        length = self.length + growth
        if self.is_group:
            length &= 0xFFFFFFFF
        elif not 0 <= length < UNDEFINED_LENGTH:
            raise Malformed("the sequence would become too long for a defined length", self.length_at)
        return Edit(self.length_at, self.length_at + 4, self.encoding.u32.pack(length))


def read_group_length(source: Source, value: int, end: int, encoding: Encoding) -> tuple[LengthField, ...]:
    """Read a group length, whose value is between ``value`` and ``end``; empty if it does not have 32 bits."""
    if end - value != 4:
        return ()
    return (LengthField(value, encoding.u32.unpack(source.read(value, end))[0], encoding, is_group=True),)


def add_length_edits(changes: Iterable[tuple[Sequence[Edit], Iterable[LengthField]]]) -> list[Edit]:
    """Add the edits that correct lengths.

    Args:
        changes: Edits, and the length fields of everything that contains them.

    Returns:
        All edits.
    """
    edits: list[Edit] = []
    growth: dict[LengthField, int] = {}
    for group, length_fields in changes:
        edits.extend(group)
        for length_field in length_fields:
            growth[length_field] = growth.get(length_field, 0) + sum(edit.growth for edit in group)
    return [*edits, *(length_field.grow(by) for length_field, by in growth.items() if by)]


def apply_edits(source: Source, edits: Iterable[Edit]) -> JoinedSource:
    """Apply edits, which may be adjacent, but must not overlap."""
    return JoinedSource(_iter_parts(source, sorted(edits, key=attrgetter("start", "end", "data"))))


def _iter_parts(source: Source, edits: Sequence[Edit]) -> Iterator[tuple[Source, int, int]]:
    position = 0
    for edit in _join_close_edits(source, edits):
        yield from _iter_range(source, position, edit.start)
        if edit.data:
            yield BytesSource(edit.data), 0, len(edit.data)
        position = edit.end
    yield from _iter_range(source, position, source.size)


def _join_close_edits(source: Source, edits: Sequence[Edit]) -> Iterator[Edit]:
    """Join edits that are close together: a source of a million small parts would be slow and large."""
    group: list[Edit] = []
    end = 0
    for edit in edits:
        if edit.start < end:
            raise AssertionError(f"edits overlap at {edit.start}")
        if group and (edit.start - end > _MAX_GAP or end - group[0].start > _MAX_JOINED_SIZE):
            yield _join_edits(source, group)
            group.clear()
        group.append(edit)
        end = edit.end
    if group:
        yield _join_edits(source, group)


def _join_edits(source: Source, edits: Sequence[Edit]) -> Edit:
    if len(edits) == 1:
        return edits[0]
    start = position = edits[0].start
    old = source.read(start, edits[-1].end)
    pieces: list[bytes] = []
    for edit in edits:
        pieces += (old[position - start : edit.start - start], edit.data)
        position = edit.end
    return Edit(start, position, b"".join(pieces))


def _iter_range(source: Source, start: int, end: int) -> Iterable[tuple[Source, int, int]]:
    if start == end:
        return ()
    return source.pieces(start, end) if isinstance(source, JoinedSource) else ((source, start, end),)
