"""Levels of a Data Set: find one by its location, or all that contain the Digital Signatures Macro."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from dcmseal import tags
from dcmseal.dataset.edits import LengthField, read_group_length
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import Source
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.walk import UNTIL_DELIMITER, Event, Step, walk
from dcmseal.errors import Malformed, NoSuchItem
from dcmseal.location import MAIN, Location
from dcmseal.mac.level_pass import LevelFacts, LevelPass
from dcmseal.mac.mac_encoder import MacEncoder
from dcmseal.macro.read import MAX_SIGNATURES, LevelSignatures, iter_items, read_signatures
from dcmseal.tags import format_tag

_MAX_LEVELS: Final = 4096
"""Maximum number of levels with signatures in one element of the main Data Set."""


class Level(Struct, frozen=True, kw_only=True):
    """A level of a Data Set: the main data set, or an item."""

    location: Location
    source: Source
    start: int
    end: int
    """May be UNTIL_DELIMITER."""
    encoding: Encoding
    length_fields: tuple[LengthField, ...] = ()
    """The length fields of the items, sequences and groups that contain the level, from the outermost."""

    @property
    def in_original_attributes(self) -> bool:
        """Whether it is in Original Attributes Sequence, which preserves former states (PS3.3 C.12.1.1.9)."""
        return any(tag == tags.ORIGINAL_ATTRIBUTES_SEQUENCE for tag, _ in self.location.steps)

    @property
    def size(self) -> int:
        """The size in bytes; an upper bound if the length is undefined."""
        return (self.source.size if self.end == UNTIL_DELIMITER else self.end) - self.start

    def scanner(self) -> LevelScanner:
        """Start a new scan of the level."""
        return LevelScanner(self.source, self.start, self.end, self.encoding)


def main_level(file: DicomFile) -> Level:
    """Return the main data set."""
    return Level(location=MAIN, source=file.body, start=file.start, end=file.end, encoding=file.encoding)


def find_level(file: DicomFile, location: Location) -> Level:
    """Find the level at a location; raises NoSuchItem if it does not exist."""
    level = main_level(file)
    for tag, wanted in location.steps:
        level = _find_item_level(level, tag, wanted)
    return level


def _find_item_level(level: Level, tag: int, item_index: int) -> Level:
    scan = level.scanner().finish()
    index = scan.index(tag)
    if index is None:
        raise NoSuchItem(
            f"{format_tag(tag)} is not in the data set at {level.location}",
            hint="list the signatures of the file to see their locations; items count from 0",
            code="no-such-item",
        )
    header = scan.header(index)
    if header.vr != b"SQ":
        raise NoSuchItem(f"{format_tag(tag)} is not a sequence", hint="only items of sequences can contain signatures")
    count = 0
    for item, _ in iter_item_levels(level, scan, index, max_items=item_index + 1):
        if count == item_index:
            return item
        count += 1
    raise NoSuchItem(f"{format_tag(tag)} at {level.location} has {count} items", hint="items count from 0")


def iter_item_levels(
    level: Level, scan: LevelScanner, index: int, max_items: int = MAX_SIGNATURES
) -> Iterator[tuple[Level, LevelScanner]]:
    """Iterate over the items of a sequence, each with a complete scan.

    Args:
        level: The level with the sequence.
        scan: A complete scan of the level.
        index: The index of the sequence.
        max_items: Maximum number of items.

    Raises:
        Malformed: The items are not encoded as in PS3.5 7.5, or there are too many.
    """
    tag, header = scan.tags[index], scan.header(index)
    outer_fields = (
        *level.length_fields,
        *find_group_length(scan, tag),
        *_make_length_fields(scan.starts[index] + header.size, header.length, level.encoding),
    )
    for number, (start, _, item) in enumerate(iter_items(scan, index, max_items)):
        content, end = start + 8, _read_declared_end(level, start)
        length = UNDEFINED_LENGTH if end == UNTIL_DELIMITER else end - content
        found = Level(
            location=level.location.item(tag, number),
            source=level.source,
            start=content,
            end=end,
            encoding=item.encoding,
            length_fields=(*outer_fields, *_make_length_fields(content, length, level.encoding)),
        )
        yield found, item


def _read_declared_end(level: Level, start: int) -> int:
    length = level.encoding.u32.unpack(level.source.read(start + 4, start + 8))[0]
    return UNTIL_DELIMITER if length == UNDEFINED_LENGTH else start + 8 + int(length)


def _make_length_fields(value: int, length: int, encoding: Encoding) -> tuple[LengthField, ...]:
    return () if length == UNDEFINED_LENGTH else (LengthField(value - 4, length, encoding),)


def find_group_length(scan: LevelScanner, tag: int) -> tuple[LengthField, ...]:
    """Find the length of the group of a tag, if the level has one (PS3.5 7.2)."""
    index = scan.index(tag & 0xFFFF0000)
    return () if index is None else read_group_length(scan.source, *scan.value_range(index), scan.encoding)


def iter_nested_levels(level: Level, scan: LevelScanner, index: int) -> Iterator[Level]:
    """Iterate over the levels with signatures inside an element, in the order of their encoding.

    Items of the Digital Signatures Macro are not searched, because they must not contain signatures.

    Args:
        level: The level with the element.
        scan: A complete scan of the level.
        index: The index of the element.

    Raises:
        Malformed: The encoding violates PS3.5, or there are too many levels with signatures.
    """
    path: list[Step] = []
    counts: list[int] = []
    groups = [{scan.tags[index] >> 16: find_group_length(scan, scan.tags[index])}]
    found: set[int] = set()
    skipping = 0
    for step in walk(level.source, *scan.element_range(index), level.encoding):
        if skipping:
            skipping += (step.event is Event.SEQUENCE) - (step.event is Event.SEQUENCE_END)
            continue
        if step.event in (Event.ELEMENT, Event.SEQUENCE) and step.tag in tags.MACRO:
            skipping = int(step.event is Event.SEQUENCE)
            if path and path[-1].value not in found:
                found.add(path[-1].value)
                if len(found) > _MAX_LEVELS:
                    raise Malformed(f"more than {_MAX_LEVELS} levels have signatures", step.start)
                yield _make_nested_level(level, path, counts, groups)
        elif step.event in (Event.SEQUENCE, Event.ENCAPSULATED):
            path.append(step)
            counts.append(-1)
        elif step.event is Event.ITEM:
            counts[-1] += 1
            path.append(step)
            groups.append({})
        elif step.event is Event.ITEM_END:
            path.pop()
            groups.pop()
        elif step.event is Event.ELEMENT:
            if not step.tag & 0xFFFF:
                groups[-1][step.tag >> 16] = read_group_length(level.source, step.value, step.end, step.encoding)
        elif step.event is not Event.FRAGMENT:
            path.pop()
            counts.pop()


def _make_nested_level(
    level: Level, path: list[Step], counts: list[int], groups: list[dict[int, tuple[LengthField, ...]]]
) -> Level:
    location = level.location
    length_fields = list(level.length_fields)
    # the last entry of groups is that of the item itself
    for sequence, count, group in zip(path[::2], counts, groups, strict=False):
        location = location.item(sequence.tag, count)
        length_fields.extend(group.get(sequence.tag >> 16, ()))
    for step in path:
        length = UNDEFINED_LENGTH if step.end == UNTIL_DELIMITER else step.end - step.value
        length_fields.extend(_make_length_fields(step.value, length, step.encoding))
    item = path[-1]
    return Level(
        location=location,
        source=level.source,
        start=item.value,
        end=item.end,
        encoding=item.encoding,
        length_fields=tuple(length_fields),
    )


class SignedLevel(Struct, frozen=True, kw_only=True):
    """A level with signatures, with a complete scan."""

    level: Level
    scan: LevelScanner
    level_signatures: LevelSignatures


def iter_signed_levels(file: DicomFile) -> Iterator[SignedLevel]:
    """Iterate over all levels with a sequence of the macro, including those in Original Attributes Sequence."""
    main = main_level(file)
    scan = main.scanner()
    facts = LevelPass(scan, MacEncoder(source=main.source, encoding=main.encoding), lambda _: ()).run()
    if any(scan.index(tag) is not None for tag in tags.MACRO):
        yield SignedLevel(level=main, scan=scan, level_signatures=read_signatures(scan, main.location))
    yield from iter_nested_signed_levels(main, scan, facts)


def iter_nested_signed_levels(main: Level, scan: LevelScanner, facts: LevelFacts) -> Iterator[SignedLevel]:
    """Iterate over the levels with signatures that are nested in a main data set, after a pass over it."""
    for index in facts.with_signatures:
        for level in iter_nested_levels(main, scan, index):
            inner = level.scanner().finish()
            yield SignedLevel(level=level, scan=inner, level_signatures=read_signatures(inner, level.location))
