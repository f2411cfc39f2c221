"""Encoder for the MAC byte stream, element by element (PS3.3 C.12.1.1.3.1.1)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Iterator
from itertools import chain
from typing import Final

from msgspec import Struct, field

from dcmseal import tags
from dcmseal.dataset.fragments import BoundarySearch, FragmentLayout, holds_boundary
from dcmseal.dataset.header import ElementKind, Header, ambiguous_vr, header_error, overrun_error, read_header
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import Buffer, Source
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.vr import WORD_SIZE
from dcmseal.dataset.walk import NEVER, UNTIL_DELIMITER
from dcmseal.errors import Malformed
from dcmseal.mac import explicit_little, streaming
from dcmseal.mac.explicit_headers import build_explicit_header, swap_bytes
from dcmseal.mac.stream_common import EXPECTED_ITEM, ITEM, ITEM_OVERRUN, SEQUENCE_DELIMITER, EncodingNotes
from dcmseal.mac.transcode import ItemConverter
from dcmseal.mac.vr_context import VrContext, VrRules, choose_vr
from dcmseal.walker.compiled import (
    AT_END,
    NOTE_AMBIGUOUS,
    NOTE_DELIMITERS,
    NOTE_UNUSUAL,
    TRUNCATED,
    WALKER,
    Walker,
    find_dictionary,
)

_FRAGMENT_BUFFER_SIZE: Final = 1 << 17
"""Bytes to read at once for fragments."""
_WINDOW_SIZE: Final = 1 << 17
"""Bytes to read at once for sequences."""
_HEADER_ROOM: Final = 64
_MAX_BUFFERED_ITEM: Final = 8 << 20
"""Size in bytes of the largest item to hold in memory."""


class MacEncoder(Struct, kw_only=True):
    """Encodes the elements of one level for the MAC."""

    source: Source
    encoding: Encoding
    rules: VrRules = VrRules()
    context: VrContext = VrContext()
    check_padding: bool = False
    """Raise ExcessPadding for values with more than minimal padding."""
    fragment_lengths: bool = False
    """Include the lengths of fragments, as DCMTK did before 3.5.4."""
    notes: EncodingNotes = field(default_factory=EncodingNotes)
    """What was found in the elements."""
    walker: Walker | None = WALKER
    """The compiled walker; None to do without it."""
    window_size: int = _WINDOW_SIZE
    """Bytes to read at once for sequences; more only where an item is longer."""
    _room: bytearray = field(default_factory=bytearray)
    """Receives what the walker writes."""

    def encode_plain(self, scan: LevelScanner, first: int, last: int) -> Iterator[Buffer]:
        """Encode the plain elements from index ``first`` to ``last``, in pieces that are valid until the next one."""
        if self.encoding is Encoding.EXPLICIT_LITTLE:
            return self.source.chunks(scan.starts[first], scan.element_range(last)[1])
        if self.walker is not None:
            return self._walk_plain(self.walker, scan, first, last)
        return chain.from_iterable(self._transcode_element(scan, index) for index in range(first, last + 1))

    def _walk_plain(self, walker: Walker, scan: LevelScanner, first: int, last: int) -> Iterator[Buffer]:
        source, options = self.source, self._walk_options()
        position, end = scan.starts[first], scan.element_range(last)[1]
        while position < end:
            buffer, base = source.window(position)
            room = self._reserve(min(len(buffer), _WINDOW_SIZE))
            _, stopped, written, _, found = walker.gather_elements(buffer, position - base, end - base, room, *options)
            self.notes.ambiguous = self.notes.ambiguous or bool(found & NOTE_AMBIGUOUS)
            if written:
                yield room[:written]
                position = base + stopped
            else:
                # usually a value that is longer than the window
                index = bisect_left(scan.starts, position)
                yield from self._transcode_element(scan, index)
                position = scan.element_range(index)[1]

    def _walk_options(self) -> tuple[int, bytes, bool, int, int]:
        dictionary = find_dictionary(is_implicit=self.encoding.is_implicit)
        return self.encoding.walker_code, dictionary, self.check_padding, self.rules.flags, self.context.flags

    def _reserve(self, size: int) -> memoryview:
        """Return room for the MAC of this many bytes: in implicit VR, headers of 8 bytes may become 12."""
        needed = size + size // 2 + _HEADER_ROOM
        if len(self._room) < needed:
            self._room = bytearray(needed)
        return memoryview(self._room)

    def _transcode_element(self, scan: LevelScanner, index: int) -> Iterator[Buffer]:
        tag, vr, size, length = scan.header(index)
        choices = ambiguous_vr(tag) if self.encoding.is_implicit else ""
        if choices:
            self.notes.ambiguous = True
            vr = choose_vr(tag, choices, self.context, self.rules)
        yield build_explicit_header(tag, vr, length)
        start, end = scan.element_range(index)
        word = WORD_SIZE.get(vr, 0) if self.encoding.is_big_endian else 0
        if not word:
            yield from self.source.chunks(start + size, end)
            return
        for piece in streaming.iter_pieces(self.source, start + size, end):
            yield swap_bytes(piece, word)

    def encode_sequence(self, start: int) -> Generator[Buffer, None, int]:
        """Encode the sequence that starts at a position, in pieces that are valid until the next one.

        Returns:
            Where the sequence ends.

        Raises:
            UnsignableElement: It contains an element of VR UN.
            Malformed: Lengths contradict each other.
            ExcessPadding: ``check_padding`` is set, and a value has more than minimal padding.
        """
        source = self.source
        header = self._read_header(start)
        position = start + header.size
        end = NEVER if header.length == UNDEFINED_LENGTH else position + header.length
        if end != NEVER and end > source.size:
            raise overrun_error(header.tag, start, at_end_of_file=True)
        yield build_explicit_header(header.tag, b"SQ", 0)
        wanted = self.window_size
        buffer, base = source.window(position, wanted)
        while True:
            parts: list[Buffer] = []
            stopped, is_end = self._encode_buffered_items(
                buffer[position - base : position - base + wanted], position, end, parts
            )
            yield parts[0] if len(parts) == 1 else b"".join(parts)
            if is_end:
                return stopped
            if stopped == position == base:
                # the buffer does not contain a complete item, so try again with a larger one
                if wanted < _MAX_BUFFERED_ITEM:
                    wanted *= 4
                else:
                    stopped = yield from self._encode_large_item(position, end)
            position = stopped
            buffer, base = source.read(position, min(source.size, position + wanted)), position

    def _encode_buffered_items(self, buffer: bytes, start: int, end: int, parts: list[Buffer]) -> tuple[int, bool]:
        """Encode the complete items in a buffer that begins at a position.

        Returns:
            Where the complete items end, and whether the sequence ends there.
        """
        is_last = start + len(buffer) >= self.source.size
        stop = NEVER if end == NEVER else end - start
        position, notes = 0, self.notes
        if self.walker is not None:
            room = self._reserve(len(buffer))
            reason, position, written, open_items, found = self.walker.gather_items(
                buffer, 0, stop, room, *self._walk_options()
            )
            notes.open_items += open_items
            notes.unusual = notes.unusual or bool(found & NOTE_UNUSUAL)
            notes.ambiguous = notes.ambiguous or bool(found & NOTE_AMBIGUOUS)
            notes.uncounted = notes.uncounted or bool(found & NOTE_DELIMITERS)
            parts.append(room[:written])
            if reason == AT_END or (reason == TRUNCATED and not is_last):
                return start + position, reason == AT_END
        notes.uncounted = True
        if self.encoding is Encoding.EXPLICIT_LITTLE:
            position, is_end = explicit_little.encode_items(
                buffer, start, position, stop, parts, notes, is_last=is_last, check_padding=self.check_padding
            )
        else:
            converter = ItemConverter(self.encoding, self.rules, notes, check_padding=self.check_padding)
            position, is_end = converter.encode_items(
                buffer, start, position, stop, parts, self.context, is_last=is_last
            )
        return start + position, is_end

    def _encode_large_item(self, start: int, end: int) -> Generator[bytes, None, int]:
        """Encode an item that is too large for the memory, in pieces; returns where it ends."""
        group, element, length = self.encoding.item_header.unpack(self.source.read(start, start + 8))
        if group << 16 | element != tags.ITEM:
            raise Malformed(EXPECTED_ITEM, start)
        content = start + 8
        undefined = length == UNDEFINED_LENGTH
        if not undefined and content + length > min(end, self.source.size):
            raise Malformed(ITEM_OVERRUN, start)
        yield ITEM
        return (
            yield from streaming.encode_item(
                self.source,
                content,
                UNTIL_DELIMITER if undefined else content + length,
                self.encoding,
                self.notes,
                rules=self.rules,
                context=self.context.for_item(self.rules),
                check_padding=self.check_padding,
            )
        )

    def encode_element(self, scan: LevelScanner, index: int) -> Iterator[Buffer]:
        """Encode one signable element of any kind, in pieces that are valid until the next one."""
        kind = scan.kinds.get(index, ElementKind.PLAIN)
        if kind is ElementKind.SEQUENCE:
            return self.encode_sequence(scan.starts[index])
        if kind is ElementKind.ENCAPSULATED:
            return self.encode_fragments(scan.starts[index])
        if kind is ElementKind.RESERVED_NONZERO:
            return self._transcode_element(scan, index)
        return self.encode_plain(scan, index, index)

    def encode_fragments(self, start: int, layout: FragmentLayout | None = None) -> Generator[Buffer, None, int]:
        """Encode Encapsulated Pixel Data, in pieces; returns where it ends.

        The VR is always OB, and the Basic Offset Table is encoded like a fragment (PS3.5 A.4).

        Args:
            start: Where the element starts.
            layout: Collects the sizes of the fragments.

        Raises:
            Malformed: The fragments are not encoded as in PS3.5 A.4, or the file ends inside them.
        """
        layout = FragmentLayout() if layout is None else layout
        source = self.source
        header = self._read_header(start)
        yield build_explicit_header(header.tag, b"OB", UNDEFINED_LENGTH)
        unpack = self.encoding.item_header.unpack_from
        # in little endian the tag of the next item follows a fragment as in the MAC, so it is kept with the fragment
        kept = 0 if self.encoding.is_big_endian else 8 if self.fragment_lengths else 4
        position = run = start + header.size
        buffer, base = source.window(position, _FRAGMENT_BUFFER_SIZE)
        view = memoryview(buffer)
        while True:
            if position + 8 > base + len(buffer):
                if run < position:
                    search = BoundarySearch()
                    for piece in source.chunks(run, position):
                        search.update(piece)
                        yield piece
                    layout.holds_boundary = layout.holds_boundary or search.finish()
                    run = position
                buffer, base = source.window(position, _FRAGMENT_BUFFER_SIZE)
                view = memoryview(buffer)
                if position + 8 > base + len(buffer):
                    raise overrun_error(header.tag, start, at_end_of_file=True)
            group, element, length = unpack(buffer, position - base)
            if group != 0xFFFE or element not in (0xE000, 0xE0DD) or (element == 0xE000 and length == UNDEFINED_LENGTH):
                raise Malformed("expected a fragment or the end of the Pixel Data", position)
            if run < position and not layout.holds_boundary:
                layout.holds_boundary = holds_boundary(buffer, run - base, position - base)
            is_end = element == 0xE0DD
            yield view[run - base : position - base + (min(kept, 4) if is_end else kept)]
            if not kept:
                yield SEQUENCE_DELIMITER if is_end else ITEM
            position += 8
            if is_end:
                layout.end_length = length
                return position
            layout.add(length)
            run = position
            position += length
            if position > source.size:
                raise overrun_error(header.tag, start, at_end_of_file=True)

    def _read_header(self, start: int) -> Header:
        data = self.source.read(start, min(self.source.size, start + 12))
        header = read_header(data, 0, self.encoding)
        if header is None:
            raise header_error(data, start, self.encoding)
        return header
