"""Changes to a Data Set that keep every other byte: pieces cut out or put in, the lengths around them corrected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dcmseal.dataset.source import BytesSource, JoinedSource, Source
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.errors import DatasetError, Malformed
from dcmseal.tags import format_tag


def not_a_sequence_error(tag: int) -> DatasetError:
    """The error to raise where one of the macro's two tags is not that of a sequence."""
    return DatasetError(
        f"{format_tag(tag)} is there already, and is no sequence",
        hint="the data set is damaged, or signed in a way the standard does not know",
    )


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """The bytes from start to end give way to ``data``."""

    start: int
    end: int
    data: bytes

    @property
    def growth(self) -> int:
        """Bytes by which the Data Set becomes longer."""
        return len(self.data) - (self.end - self.start)


@dataclass(frozen=True, slots=True)
class LengthField:
    """A sequence, item or group of defined length around a level: where its 32-bit length stands, and what it says."""

    length_at: int
    length: int
    encoding: Encoding
    is_group: bool = False
    """It is a group length (gggg,0000): retired and wrong in many files, so that it is no reason to refuse anything."""

    def grow(self, growth: int) -> Edit:
        """The edit that corrects the length; raises Malformed if it no longer fits."""
        length = self.length + growth
        if self.is_group:
            length &= 0xFFFFFFFF
        elif not 0 <= length < UNDEFINED_LENGTH:
            raise Malformed("the sequence becomes too long for a defined length", self.length_at)
        return Edit(self.length_at, self.length_at + 4, self.encoding.u32.pack(length))


def group_length_fields(source: Source, value: int, end: int, encoding: Encoding) -> tuple[LengthField, ...]:
    """The group length whose value reaches from ``value`` to ``end``; none if that is no number of 32 bits."""
    if end - value != 4:
        return ()
    return (LengthField(value, encoding.u32.unpack(source.read(value, end))[0], encoding, is_group=True),)


def add_length_edits(changes: Iterable[tuple[Sequence[Edit], Iterable[LengthField]]]) -> list[Edit]:
    """All edits, each group with the defined lengths around it, and the edits that correct those lengths."""
    edits: list[Edit] = []
    growth: dict[LengthField, int] = {}
    for group, holders in changes:
        edits.extend(group)
        for holder in holders:
            growth[holder] = growth.get(holder, 0) + sum(edit.growth for edit in group)
    return [*edits, *(holder.grow(by) for holder, by in growth.items() if by)]


def apply_edits(source: Source, edits: Iterable[Edit]) -> JoinedSource:
    """The source with the edits made; edits may touch, but not overlap."""
    return JoinedSource(_iter_parts(source, sorted(edits)))


def _iter_parts(source: Source, edits: Sequence[Edit]) -> Iterator[tuple[Source, int, int]]:
    position = 0
    for edit in edits:
        if edit.start < position:
            raise AssertionError(f"edits overlap at {edit.start}")
        yield from _iter_range(source, position, edit.start)
        if edit.data:
            yield BytesSource(edit.data), 0, len(edit.data)
        position = edit.end
    yield from _iter_range(source, position, source.size)


def _iter_range(source: Source, start: int, end: int) -> Iterable[tuple[Source, int, int]]:
    if start == end:
        return ()
    return source.pieces(start, end) if isinstance(source, JoinedSource) else ((source, start, end),)
