"""Structure of a Data Set: find everything that readers may interpret differently (PS3.5 section 7).

A MAC covers values, but not lengths, and not all elements. Readers that interpret a length, a delimiter or a VR in
different ways can therefore show different Data Sets, although the MAC matches. So this module checks the structure
strictly at every level, whether an element is signed or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final, NamedTuple, NoReturn

from dcmseal import tags
from dcmseal.dataset.element_checks import ITEM_MARKS, ElementChecks, StructureBroken
from dcmseal.dataset.file_meta_findings import file_meta_findings
from dcmseal.dataset.header import ElementKind, Header, is_length_ambiguous, read_header
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LONG, STEPS, LevelScanner
from dcmseal.dataset.source import CHUNK_SIZE, Source
from dcmseal.dataset.structure_problems import StructureFindings, StructureProblems
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.walk import MAX_DEPTH, NEVER
from dcmseal.tags import format_tag, is_ascending

_MAX_REMEMBERED: Final = 4096
_MAX_REMEMBERED_SIZE: Final = 400
"""Size in bytes of the largest sequence without a problem to remember: codes and references are often repeated."""
_ANY_TAG: Final = frozenset[int]()
_OPEN_ITEM: Final = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
_OPEN_ITEM_END: Final = b"\xfe\xff\x0d\xe0"
"""An item of undefined length, and the delimiter of one, in little endian."""


def analyze_structure(
    file: DicomFile, scan: LevelScanner, well_formed: Mapping[int, int] | None = None
) -> StructureFindings:
    """Find what readers disagree about in a file.

    Args:
        file: The file.
        scan: A complete scan of its main data set.
        well_formed: Sequences that need no walk, because only delimiters in values can be wrong: the number of their
            items of undefined length, by index.

    Returns:
        Findings of aspect FORM, which keep the verdict from being valid.
    """
    is_encapsulated = file.syntax.is_encapsulated if file.syntax.is_known else None
    walk = StructureWalker(file.body, file.encoding, is_encapsulated=is_encapsulated)
    walk.walk_level(scan, well_formed or {})
    return walk.problems.findings(file_meta_findings(file, scan))


class _OuterSequence(NamedTuple):
    """The state of the walk in an item, to which it returns after a nested sequence."""

    tag: int
    start: int
    end: int
    item_end: int
    last: int
    encoding: Encoding
    seen: tuple[int, int]
    """The number of problems, and of items of undefined length, before the nested sequence."""


class StructureWalker:
    """Walks through the elements of a Data Set at all levels, and collects ``problems``.

    Args:
        source: The Data Set.
        encoding: How it is encoded.
        is_encapsulated: Whether the transfer syntax has Pixel Data in fragments (PS3.5 A.4); None if it is not known.
    """

    def __init__(self, source: Source, encoding: Encoding, *, is_encapsulated: bool | None) -> None:
        self._source = source
        self._encoding = encoding
        self._is_encapsulated = is_encapsulated
        self.problems = StructureProblems(is_encapsulated=is_encapsulated)
        self._checks = ElementChecks(source, self.problems, is_encapsulated=is_encapsulated)
        self._well_formed: set[bytes] = set()

    def walk_level(self, scan: LevelScanner, well_formed: Mapping[int, int]) -> None:
        """Check the elements of the main data set, and everything nested in them.

        Args:
            scan: A complete scan of the main data set.
            well_formed: As for ``analyze_structure``.
        """
        self._check_order(scan)
        if scan.encoding.is_implicit and scan.starts:
            self._checks.check_ambiguous_encoding(scan.starts[0])
        all_tags, starts = scan.tags, scan.starts
        if max(all_tags, default=0) >> 16 == 0xFFFF:
            for tag in sorted({tag for tag in all_tags if tag >> 16 == 0xFFFF}):
                if (first := scan.index(tag)) is not None:
                    self.problems.add_misplaced_group(tag, starts[first])
        for index in scan.ambiguous_lengths:
            self.problems.element = all_tags[index]
            self.problems.add_ambiguous_length(scan.header(index), starts[index])
        for index in self._indexes_to_check(scan):
            if index in well_formed:
                self._check_delimiters(all_tags[index], *scan.element_range(index), well_formed[index])
                continue
            header = scan.header(index)
            self.problems.element = header.tag
            with suppress(StructureBroken):
                self._checks.check_special(header, starts[index], self._encoding)
                header = self._checks.resolve_header(header, starts[index], self._encoding)
                if _holds_items(header):
                    self._walk_items(header, starts[index], scan.element_range(index)[1])
        if self._is_encapsulated and tags.PIXEL_DATA in all_tags and scan.special_index(tags.PIXEL_DATA) is None:
            message = "is not encapsulated, although the transfer syntax requires it"
            start = starts[all_tags.index(tags.PIXEL_DATA)]
            self.problems.record_problem("pixel-data-native", message, tags.PIXEL_DATA, start, clause="PS3.5 A.4")

    def _indexes_to_check(self, scan: LevelScanner) -> list[int]:
        """Find elements that are not plain, and in implicit VR, plain ones whose value looks like items."""
        indexes = [index for index, kind in scan.kinds.items() if kind is not ElementKind.RESERVED_NONZERO]
        if not scan.encoding.is_implicit:
            return indexes
        buffer, base = scan.source.window(scan.starts[0]) if scan.starts else (b"", 0)
        for index, start in enumerate(scan.starts):
            if start + 12 > base + len(buffer):
                buffer, base = scan.source.window(start)
            if buffer[start - base + 8 : start - base + 12] in ITEM_MARKS:
                indexes.append(index)
        return sorted(set(indexes))

    def _check_order(self, scan: LevelScanner) -> None:
        if is_ascending(scan.tags):
            return
        seen: set[int] = set()
        last = -1
        for tag, start in zip(scan.tags, scan.starts, strict=True):
            if tag <= last or tag in seen:
                self.problems.add_disorder(tag, tag if tag in seen else last, start)
            seen.add(tag)
            last = tag

    def _walk_items(self, header: Header, start: int, end: int) -> None:  # noqa: C901 - one loop: calls would cost too much
        """Walk through the items of a sequence between ``start`` and ``end``, and everything nested in them.

        Raises StructureBroken if the boundaries of items or elements are not certain.
        """
        source, size = self._source, self._source.size
        outer: list[_OuterSequence] = []
        tag, encoding = header.tag, _inner_encoding(header, self._encoding)
        steps, expected = STEPS[encoding.key].entries, tags.MACRO_ITEMS.get(tag, _ANY_TAG)
        is_implicit = encoding.is_implicit
        open_items = 0
        position: int = start + header.size
        sequence_end: int = NEVER if header.length == UNDEFINED_LENGTH else position + header.length
        item_end: int = 0
        last: int = -1
        buffer, base = source.window(position)
        step: int
        current: int
        while True:
            item: int | None = self._find_item_end(tag, position, sequence_end, encoding)
            if item is None:
                position = sequence_end if sequence_end != NEVER else position + 8
                if not outer:
                    if position != end:
                        self._fail("does not end with its last item", tag, start)
                    self._check_delimiters(tag, start, end, open_items)
                    return
                if encoding is self._encoding and outer[-1].seen == (len(self.problems), open_items):
                    self._remember(start, position)
                tag, start, sequence_end, item_end, last, encoding, _ = outer.pop()
                steps, expected = STEPS[encoding.key].entries, tags.MACRO_ITEMS.get(tag, _ANY_TAG)
                is_implicit = encoding.is_implicit
            else:
                position, item_end, last = position + 8, item, -1
                open_items += item == NEVER
                if encoding is not self._encoding and position + 6 <= item:
                    self._checks.check_ambiguous_encoding(position)
            while position < item_end:
                head = buffer[position - base : position - base + 8]
                found = steps.get(head)
                if found is None:
                    if position + 8 > size:
                        self._fail("is truncated", tag, position)
                    buffer, base = source.window(position)
                    found = STEPS[encoding.key].learn(buffer[position - base : position - base + 8])
                step, current = found
                if step == LONG and position - base + 12 <= len(buffer):
                    step = 12 + encoding.u32.unpack_from(buffer, position - base + 8)[0]
                # undefined lengths are odd numbers, too
                is_plain = step > 0 and not step & 1 and (not expected or current in expected)
                if not is_plain or (is_implicit and _looks_like_items(buffer, position - base + 8)):
                    element = read_header(source.read(position, min(size, position + 12)), 0, encoding)
                    if element is None:
                        self._fail("contains bytes that are not a Data Element", tag, position)
                    current, vr, length = element.tag, element.vr, element.length
                    header_size = element.size
                    if not vr:
                        if current != tags.ITEM_DELIMITATION_ITEM or item_end != NEVER:
                            self._fail(f"contains an unexpected {format_tag(current)}", tag, position)
                        self.problems.check_delimiter(current, length, position)
                        position += 8
                        item_end = position
                        break
                    # dcmjs searches for the end of an item of undefined length at even positions only
                    is_odd = bool(length & 1 and open_items)
                    if length != UNDEFINED_LENGTH and (is_odd or is_length_ambiguous(vr, length, encoding)):
                        self.problems.add_ambiguous_length(element, position)
                    self._checks.check_special(element, position, encoding, tag)
                    element = self._checks.resolve_header(element, position, encoding)
                    if expected and current not in expected and current & 0xFFFF:
                        message = f"is not allowed in an item of {format_tag(tag)}"
                        self.problems.record_problem(
                            "macro-foreign-element", message, current, position, clause="PS3.3 Table C.12-6"
                        )
                    step = header_size + length
                    if _holds_items(element):
                        if current <= last:
                            self.problems.add_disorder(current, last, position)
                        if len(outer) >= MAX_DEPTH:
                            self._fail("is nested too deeply", current, position)
                        if (
                            step < _MAX_REMEMBERED_SIZE
                            and source.read(position, min(size, position + step)) in self._well_formed
                        ):
                            last = current
                            position += step
                            continue
                        if length != UNDEFINED_LENGTH and position + step > min(item_end, size):
                            self._fail("extends beyond the item that contains it", current, position)
                        seen = len(self.problems), open_items
                        outer.append(_OuterSequence(tag, start, sequence_end, item_end, current, encoding, seen))
                        tag, start, encoding = current, position, _inner_encoding(element, encoding)
                        steps, expected = STEPS[encoding.key].entries, tags.MACRO_ITEMS.get(tag, _ANY_TAG)
                        is_implicit = encoding.is_implicit
                        position += header_size
                        sequence_end = NEVER if length == UNDEFINED_LENGTH else position + length
                        break
                    if length == UNDEFINED_LENGTH:
                        step = self._walk_fragments(current, position + header_size, encoding) - position
                if current <= last:
                    self.problems.add_disorder(current, last, position)
                last = current
                position += step
            else:
                if position != item_end:
                    self._fail("contains an element that extends beyond its item", tag, position)

    def _find_item_end(self, tag: int, position: int, sequence_end: int, encoding: Encoding) -> int | None:
        """Find the end of the item at a position; None if the sequence ends there instead."""
        if position == sequence_end:
            return None
        if position + 8 > min(sequence_end, self._source.size):
            self._fail("is truncated", tag, position)
        group, element, length = encoding.item_header.unpack(self._source.read(position, position + 8))
        found = group << 16 | element
        if found == tags.SEQUENCE_DELIMITATION_ITEM and sequence_end == NEVER:
            self.problems.check_delimiter(found, length, position)
            return None
        if found != tags.ITEM:
            self._fail(f"contains {format_tag(found)} instead of an item", tag, position)
        if length == UNDEFINED_LENGTH:
            return NEVER
        if position + 8 + length > min(sequence_end, self._source.size):
            self._fail("contains an item that extends beyond the sequence", tag, position)
        return position + 8 + int(length)

    def _walk_fragments(self, tag: int, position: int, encoding: Encoding) -> int:
        """Find the end of Encapsulated Pixel Data from the position of its first item (PS3.5 A.4)."""
        while True:
            item_end = self._find_item_end(tag, position, NEVER, encoding)
            if item_end is None:
                return position + 8
            if item_end == NEVER:
                self._fail("has a fragment of undefined length", tag, position)
            if (item_end - position) & 1:
                self.problems.record_problem(
                    "fragment-odd", "has a fragment of odd length", tag, position, clause="PS3.5 A.4"
                )
            position = item_end

    def _check_delimiters(self, tag: int, start: int, end: int, open_items: int) -> None:
        """Report values that contain the bytes of delimiters, in which dcmjs finds the end of an item."""
        if not open_items or self._encoding.is_big_endian:
            return
        count = 0
        for begin in range(start, end, CHUNK_SIZE):
            # with enough bytes to complete a tag that starts at the end of the chunk
            piece = self._source.read(begin, min(end, begin + CHUNK_SIZE + len(_OPEN_ITEM) - 1))
            count += piece.count(_OPEN_ITEM) + piece.count(_OPEN_ITEM_END, 0, CHUNK_SIZE + len(_OPEN_ITEM_END) - 1)
        if count != 2 * open_items:
            message = "contains a value with the bytes of a delimiter in an item of undefined length"
            self.problems.record_problem("delimiter-in-value", message, tag, start, clause="PS3.5 7.5.2")

    def _fail(self, message: str, tag: int, start: int) -> NoReturn:
        self.problems.record_problem("structure-broken", message, tag, start, clause="PS3.5 7.5")
        raise StructureBroken

    def _remember(self, start: int, end: int) -> None:
        """Remember a small sequence without problems, so that repetitions of it can be skipped."""
        if end - start < _MAX_REMEMBERED_SIZE and len(self._well_formed) < _MAX_REMEMBERED:
            self._well_formed.add(self._source.read(start, end))


def _looks_like_items(buffer: bytes, at: int) -> bool:
    """Whether a value starts like items, or the buffer ends before that is certain."""
    mark = buffer[at : at + 4]
    return len(mark) < 4 or mark in ITEM_MARKS


def _holds_items(header: Header) -> bool:
    """Whether an element contains items; those of UN with undefined length are in implicit VR (PS3.5 6.2.2)."""
    return header.vr == b"SQ" or (header.vr == b"UN" and header.length == UNDEFINED_LENGTH)


def _inner_encoding(header: Header, encoding: Encoding) -> Encoding:
    return Encoding.IMPLICIT_LITTLE if header.vr == b"UN" else encoding
