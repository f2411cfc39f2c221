"""Scanner for the Data Elements of one level of a Data Set: finds where they start, without decoding their values."""

from __future__ import annotations

from functools import partial
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
from dcmseal.dataset.header_cache import HeaderCache
from dcmseal.dataset.source import Source
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.walk import UNTIL_DELIMITER, find_element_end
from dcmseal.errors import Malformed
from dcmseal.tags import format_tag
from dcmseal.walker.compiled import WALKER, Walker, find_dictionary

_MAX_ELEMENTS: Final = 250_000
"""The number of elements to accept at one level; bounds the memory that hostile input can take."""
_INDEX_THRESHOLD: Final = 256
"""The number of elements from which on ``index`` builds a table, because it may be called for each of them."""

TRUNCATED: Final = -1
"""The bytes end inside the header."""
SPECIAL: Final = -2
"""The element is not plain, or readers disagree about its length."""
LONG: Final = -3
"""A plain element with its length in four more bytes."""


def _decode_step(encoding: Encoding, header: bytes) -> tuple[int, int]:
    """Decode the first eight bytes of a header: the distance to the next element, and the tag.

    The distance is one of the negative codes above unless the element is plain and has a header of eight bytes.
    """
    if len(header) < 8:
        return TRUNCATED, 0
    # the length in a long header is not among these bytes
    decoded = read_header(header + bytes(4), 0, encoding)
    if decoded is None or not decoded.vr:
        return SPECIAL, 0
    tag, vr, size, length = decoded
    if element_kind(tag, vr, length) is not ElementKind.PLAIN:
        return SPECIAL, 0
    is_rare = is_length_ambiguous(vr, length, encoding) or tag >> 16 == 0xFFFF
    if size == 8:
        return (SPECIAL if is_rare else size + length), tag
    return (LONG, tag) if header[6:] == b"\0\0" and not is_rare else (SPECIAL, 0)


STEPS: Final = {encoding.key: HeaderCache(partial(_decode_step, encoding)) for encoding in Encoding}
"""By encoding and the first eight bytes of a header: the distance in bytes to the next element, and the tag."""


class LevelScanner:
    """Finds the elements of one level in the order of their encoding.

    The scan stops before the value of each element of undefined length, so that the caller can read it on the way.

    Args:
        source: Contains the level.
        start: Where the level starts.
        end: Where it ends, or UNTIL_DELIMITER.
        encoding: How it is encoded.
        walker: The compiled walker; None to do without it.

    Attributes:
        tags: The tags of the elements found so far.
        starts: Where they start. Element i ends at ``starts[i + 1]``, the last one at ``position``.
        kinds: The kinds of elements that are not PLAIN, by index.
        ambiguous_lengths: Indexes of elements about whose length readers disagree.
        position: Where the scan continues.
        stopped_at: The index of the element at which the scan stopped; ``resume`` continues after it.
        end: Where the level ends; UNTIL_DELIMITER until that is known.
    """

    __slots__ = (
        "_done",
        "_firsts",
        "_walker",
        "ambiguous_lengths",
        "encoding",
        "end",
        "kinds",
        "position",
        "source",
        "starts",
        "stopped_at",
        "tags",
    )

    def __init__(
        self, source: Source, start: int, end: int, encoding: Encoding, *, walker: Walker | None = WALKER
    ) -> None:
        self._walker = walker
        self.source = source
        self.encoding = encoding
        self.end: int = end
        self.position: int = start
        self.tags: list[int] = []
        self.starts: list[int] = []
        self.kinds: dict[int, ElementKind] = {}
        self.ambiguous_lengths: list[int] = []
        self.stopped_at = -1
        self._done = False
        self._firsts: dict[int, int] | None = None

    def scan(self) -> bool:
        """Scan to the end of the level, or to the next element of undefined length.

        Returns:
            Whether the end of the level is reached.

        Raises:
            Malformed: The encoding violates PS3.5, or there are too many elements.
        """
        source, end = self.source, self.end
        cache = STEPS[self.encoding.key]
        steps = cache.entries
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
            at = self._walk(buffer, at, stop, base)
            while at < stop:
                try:
                    step, tag = steps[buffer[at : at + 8]]
                except KeyError:
                    step, tag = cache.learn(buffer[at : at + 8])
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
                    raise Malformed("an item of undefined length has no delimiter", position)
                self._done = True
            elif step in (SPECIAL, LONG):
                if self._scan_special(buffer, at, limit):
                    return False
                position = self.position
            elif at + 8 <= len(buffer) or position + 8 > source.size:
                raise header_error(buffer[at : at + 8], position, self.encoding)
        return True

    def _walk(self, buffer: bytes, at: int, stop: int, base: int) -> int:
        """Let the compiled walker add plain elements; returns where to continue."""
        if self._walker is None:
            return at
        dictionary = find_dictionary(is_implicit=self.encoding.is_implicit)
        code = self.encoding.walker_code
        return self._walker.scan_level(buffer, at, stop, base, code, dictionary, self.tags, self.starts)

    def _scan_special(self, buffer: bytes, at: int, limit: int) -> bool:
        """Add one element that is not plain or has a long header; returns whether the scan stops at it."""
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
            raise Malformed(f"unexpected item or delimiter {format_tag(tag)}", position)
        kind = element_kind(tag, vr, length)
        if kind is ElementKind.PLAIN and size == 12 and buffer[at + 6 : at + 8] != b"\0\0":
            kind = ElementKind.RESERVED_NONZERO
        if kind is not ElementKind.PLAIN:
            self.kinds[len(self.tags)] = kind
        if length != UNDEFINED_LENGTH and is_length_ambiguous(vr, length, self.encoding):
            self.ambiguous_lengths.append(len(self.tags))
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
        """Continue after the element at which the scan stopped; ``end`` is where it ends."""
        self.position = end

    def skip(self) -> None:
        """Skip the element of undefined length at which the scan stopped."""
        self.resume(find_element_end(self.source, self.starts[self.stopped_at], self.encoding))

    def finish(self) -> LevelScanner:
        """Scan to the end of the level without stopping."""
        while not self.scan():
            self.skip()
        return self

    def index(self, tag: int) -> int | None:
        """Return the index of the first element with this tag; None if there is none."""
        if self._done and len(self.tags) > _INDEX_THRESHOLD:
            if self._firsts is None:
                self._firsts = dict(zip(reversed(self.tags), range(len(self.tags) - 1, -1, -1), strict=True))
            return self._firsts.get(tag)
        try:
            return self.tags.index(tag)
        except ValueError:
            return None

    def special_index(self, tag: int) -> int | None:
        """Return the index of the first element with this tag that is not PLAIN; None if there is none."""
        all_tags = self.tags
        for index in self.kinds:
            if all_tags[index] == tag:
                return index
        return None

    def element_range(self, index: int) -> tuple[int, int]:
        """Return where an element starts and ends, including its delimiter."""
        starts = self.starts
        following = index + 1
        if following < len(starts):
            return starts[index], starts[following]
        return starts[index], self.end if self._done else self.position

    def value_range(self, index: int) -> tuple[int, int]:
        """Return where the value of an element starts and ends, including its delimiter."""
        start, end = self.element_range(index)
        return start + self.header(index).size, end

    def header(self, index: int) -> Header:
        """Decode the header of an element."""
        start = self.starts[index]
        buffer, base = self.source.window(start)
        header = read_header(buffer, start - base, self.encoding)
        assert header is not None
        return header

    def value(self, index: int, limit: int) -> bytes:
        """Read the value of a plain element; raises Malformed if it is longer than ``limit``."""
        start, end = self.value_range(index)
        if end - start > limit:
            message = f"{format_tag(self.tags[index])} has a value of {end - start} bytes, more than {limit}"
            raise Malformed(message, start)
        return self.source.read(start, end)
