"""The Data Elements of one level of a Data Set: where they stand, nothing decoded."""

from __future__ import annotations

from typing import Final

from dcmseal import tags
from dcmseal.dataset.header import (
    ElementKind,
    Header,
    element_kind,
    header_error,
    is_length_ambiguous,
    overrun_error,
    read_header,
)
from dcmseal.dataset.source import Source
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.walk import UNTIL_DELIMITER, find_element_end
from dcmseal.errors import Malformed
from dcmseal.tags import format_tag

_MAX_ELEMENTS: Final = 250_000
"""Elements at one level beyond which the input is refused; bounds the memory a hostile file can take."""
_INDEX_THRESHOLD: Final = 256
"""Elements beyond which a table of them is made when one is looked for: whoever asks may ask for each of them."""

SHORT: Final = -1
OTHER: Final = -2
LONG: Final = -3
"""A plain element whose length follows in four more bytes."""

_MAX_STEPS: Final = 1 << 14
STEPS: Final[dict[str, dict[bytes, tuple[int, int]]]] = {encoding.key: {} for encoding in Encoding}
"""What the eight bytes of a header say, by encoding: (bytes to the next element, tag) of a plain element.

Elements that need a longer look have a negative first number. Headers repeat within a file and from file to file, so
that looking them up beats decoding them (measured: 0.12 us an element; 0.2 where the dictionary has a ``__missing__``).
"""


def learn_step(header: bytes, encoding: Encoding) -> tuple[int, int]:
    """What a header says that STEPS does not hold yet."""
    if len(header) < 8:
        return SHORT, 0
    step = OTHER, 0
    # of a long header, the length is not known here
    decoded = read_header(header + bytes(4), 0, encoding)
    if decoded is not None and decoded.vr:
        tag, vr, size, length = decoded
        if element_kind(tag, vr, length) is ElementKind.PLAIN:
            is_rare = is_length_ambiguous(vr, length, encoding) or tag >> 16 == 0xFFFF
            if size == 8:
                step = (OTHER if is_rare else size + length), tag
            elif header[6:] == b"\0\0" and not is_rare:
                step = LONG, tag
    steps = STEPS[encoding.key]
    if len(steps) >= _MAX_STEPS:
        steps.clear()
    steps[header] = step
    return step


class LevelScanner:
    """Finds the elements of one level, from ``start`` on, in the order they are encoded.

    ``tags`` and ``starts`` grow together; element i reaches from ``starts[i]`` to ``starts[i + 1]``, the last one to
    ``position``. ``kinds`` has an entry for each index that is not PLAIN, and ``misread`` holds those of elements whose
    length readers take differently. ``end`` is where the level ends.

    The scan stops in front of the content of elements of undefined length, so that whoever needs the content can read
    it on the way: ``stopped_at`` is then the index of the element, and ``resume`` goes on behind it.
    """

    __slots__ = (
        "_done",
        "_firsts",
        "encoding",
        "end",
        "kinds",
        "misread",
        "position",
        "source",
        "starts",
        "stopped_at",
        "tags",
    )

    def __init__(self, source: Source, start: int, end: int, encoding: Encoding) -> None:
        self.source = source
        self.encoding = encoding
        self.end: int = end
        self.position: int = start
        self.tags: list[int] = []
        self.starts: list[int] = []
        self.kinds: dict[int, ElementKind] = {}
        self.misread: list[int] = []
        self.stopped_at = -1
        self._done = False
        self._firsts: dict[int, int] | None = None

    def scan(self) -> bool:
        """Scan to the end of the level; returns False if the scan stopped at an element of undefined length."""
        source, end = self.source, self.end
        steps = STEPS[self.encoding.key]
        all_tags, starts = self.tags, self.starts
        length_at = self.encoding.u32.unpack_from
        position = self.position
        limit = source.size if end == UNTIL_DELIMITER else end
        self.stopped_at = -1
        while not self._done:
            buffer, base = source.window(position)
            at = position - base
            stop = limit - base
            step = tag = 0
            while at < stop:
                try:
                    step, tag = steps[buffer[at : at + 8]]
                except KeyError:
                    step, tag = learn_step(buffer[at : at + 8], self.encoding)
                if step < 0:
                    if step != LONG or at + 12 > len(buffer):
                        break
                    (length,) = length_at(buffer, at + 8)
                    if length == UNDEFINED_LENGTH:
                        break
                    step = 12 + length
                all_tags.append(tag)
                starts.append(at + base)
                at += step
            position = self.position = at + base
            if len(all_tags) > _MAX_ELEMENTS:
                raise Malformed(f"more than {_MAX_ELEMENTS} Data Elements at one level", position)
            if position >= limit:
                if position > limit:
                    raise overrun_error(all_tags[-1], starts[-1], at_end_of_file=limit == source.size)
                if end == UNTIL_DELIMITER:
                    raise Malformed("an item does not end", position)
                self._done = True
            elif step in (OTHER, LONG):
                if self._scan_special(buffer, at, limit):
                    return False
                position = self.position
            elif at + 8 <= len(buffer) or position + 8 > source.size:
                raise header_error(buffer[at : at + 8], position, self.encoding)
        return True

    def _scan_special(self, buffer: bytes, at: int, limit: int) -> bool:
        """Take one element that is not plain, or has a long header; returns whether the scan stops at it."""
        position = self.position
        if at + 12 > len(buffer):
            buffer, base = self.source.window(position)
            at = position - base
            if at + 12 > len(buffer):
                buffer, at = self.source.read(position, min(self.source.size, position + 12)), 0
        header = read_header(buffer, at, self.encoding)
        if header is None:
            raise header_error(buffer[at : at + 12], position, self.encoding)
        tag, vr, size, length = header
        if tag == tags.ITEM_DELIMITATION_ITEM and self.end == UNTIL_DELIMITER:
            self.end, self._done = position, True
            self.position = position + size
            return False
        if not vr:
            raise Malformed(f"{format_tag(tag)} has no business here", position)
        kind = element_kind(tag, vr, length)
        if kind is ElementKind.PLAIN and size == 12 and buffer[at + 6 : at + 8] != b"\0\0":
            kind = ElementKind.RESERVED_NONZERO
        if kind is not ElementKind.PLAIN:
            self.kinds[len(self.tags)] = kind
        if length != UNDEFINED_LENGTH and is_length_ambiguous(vr, length, self.encoding):
            self.misread.append(len(self.tags))
        self.tags.append(tag)
        self.starts.append(position)
        if length == UNDEFINED_LENGTH:
            self.stopped_at = len(self.tags) - 1
            return True
        self.position = position + size + length
        if self.position > limit:
            raise overrun_error(tag, position, at_end_of_file=limit == self.source.size)
        return False

    def resume(self, end: int) -> None:
        """Go on behind the element at which the scan stopped; ``end`` is where it ends."""
        self.position = end

    def skip(self) -> None:
        """Pass over the element of undefined length at which the scan stopped."""
        self.resume(find_element_end(self.source, self.starts[self.stopped_at], self.encoding))

    def finish(self) -> LevelScanner:
        """Scan to the end of the level, passing over what is nested."""
        while not self.scan():
            self.skip()
        return self

    def index(self, tag: int) -> int | None:
        """Index of the first element of this tag; None if there is none."""
        if self._done and len(self.tags) > _INDEX_THRESHOLD:
            if self._firsts is None:
                self._firsts = dict(zip(reversed(self.tags), range(len(self.tags) - 1, -1, -1), strict=True))
            return self._firsts.get(tag)
        try:
            return self.tags.index(tag)
        except ValueError:
            return None

    def special_index(self, tag: int) -> int | None:
        """Index of the first element of this tag that is not PLAIN, as sequences are; None if there is none."""
        all_tags = self.tags
        for index in self.kinds:
            if all_tags[index] == tag:
                return index
        return None

    def element_range(self, index: int) -> tuple[int, int]:
        """Where the element starts, and where it ends with its delimiter."""
        starts = self.starts
        following = index + 1
        if following < len(starts):
            return starts[index], starts[following]
        return starts[index], self.end if self._done else self.position

    def value_range(self, index: int) -> tuple[int, int]:
        """Where the value of an element starts, and where it ends with its delimiter."""
        start, end = self.element_range(index)
        return start + self.header(index).size, end

    def header(self, index: int) -> Header:
        """The decoded header of an element."""
        start = self.starts[index]
        buffer, base = self.source.window(start)
        header = read_header(buffer, start - base, self.encoding)
        assert header is not None
        return header

    def value(self, index: int, limit: int) -> bytes:
        """The value of a plain element; raises Malformed if it is longer than ``limit``."""
        start, end = self.value_range(index)
        if end - start > limit:
            raise Malformed(f"{format_tag(self.tags[index])} has a value of {end - start} bytes", start)
        return self.source.read(start, end)
