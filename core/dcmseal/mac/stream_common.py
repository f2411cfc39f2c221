"""Common parts of the encoders of the MAC byte stream, for all encodings of the Data Set."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Final, Generic, TypeAlias, TypeVar

from dcmseal import tags
from dcmseal.dataset.header import Header
from dcmseal.dataset.source import Source
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.vr import is_minimally_padded, is_unknown_vr
from dcmseal.dataset.walk import MAX_DEPTH, Event, iter_element_steps
from dcmseal.errors import Malformed

_Piece = TypeVar("_Piece")

ITEM: Final = b"\xfe\xff\x00\xe0"
"""An item in the MAC: its tag without a length (PS3.3 C.12.1.1.3.1.1)."""
SEQUENCE_DELIMITER: Final = b"\xfe\xff\xdd\xe0"
"""The end of a sequence or of fragments in the MAC: the tag without a length."""

EXPECTED_ITEM: Final = "expected an item or the end of the sequence"
ITEM_OVERRUN: Final = "an item extends beyond its sequence"
ELEMENT_OVERRUN: Final = "a Data Element extends beyond its item"
SEQUENCE_OVERRUN: Final = "a sequence extends beyond its item"
ELEMENT_TRUNCATED: Final = "the file is truncated inside a Data Element"
SEQUENCE_TRUNCATED: Final = "the file is truncated inside a sequence"


class UnsignableElement(Exception):
    """A sequence contains an element of VR UN, which makes the entire sequence unsignable (PS3.3 C.12.1.1.3.1.1)."""

    def __init__(self, tag: int, offset: int) -> None:
        super().__init__(tag, offset)
        self.tag = tag
        self.offset = offset


class ExcessPadding(Exception):
    """A value has more than minimal padding, or an odd length."""


def check_value_padding(buffer: bytes, start: int, end: int, *, is_ui: bool) -> None:
    """Check that a text value has minimal padding (PS3.5 6.2); raises ExcessPadding."""
    if not is_minimally_padded(buffer, start, end, is_ui=is_ui):
        raise ExcessPadding


class ReturnValue(Generic[_Piece]):
    """Iterates over a generator and stores its return value: where the element ends."""

    __slots__ = ("_steps", "end")

    def __init__(self, steps: Generator[_Piece, None, int]) -> None:
        self._steps = steps
        self.end = -1

    def __iter__(self) -> Iterator[_Piece]:
        self.end = yield from self._steps


Repeat: TypeAlias = tuple[bytes, int]
"""An encoded small sequence, and the number of its items of undefined length."""


class EncodingNotes:
    """What an encoder found in sequences; mutable."""

    __slots__ = ("ambiguous", "has_signatures", "hidden_boundary", "open_items", "repeats", "uncounted", "unusual")

    def __init__(self) -> None:
        self.has_signatures = False
        """Whether a sequence of the Digital Signatures Macro is nested inside."""
        self.ambiguous = False
        """Whether the VR of an implicit VR element depended on its context."""
        self.hidden_boundary = False
        """Whether a fragment contains bytes that look like its end, so that the MAC does not protect its boundary."""
        self.unusual = False
        """Whether the structure walk has to check the sequence."""
        self.open_items = 0
        """The number of items of undefined length."""
        self.uncounted = False
        """Whether the delimiters of these items still have to be counted."""
        self.repeats: dict[bytes, Repeat] = {}
        """Encoded small sequences by their bytes: codes and references are often repeated."""

    def reset(self) -> None:
        """Forget what was found in one sequence before the next one."""
        self.has_signatures = self.hidden_boundary = self.unusual = self.uncounted = False
        self.open_items = 0


MAX_REPEAT_SIZE: Final = 400
"""Size in bytes of the largest nested sequence to remember."""
MAX_REPEATS: Final = 4096
SEEN_ONCE: Final[Repeat] = b"seen", 0
"""Marks a small sequence that occurred once."""
NO_REPEAT: Final[Repeat] = b"", 0
"""Marks a small sequence that has to be encoded each time, because notes depend on its position."""

DEEP_NESTING: Final = MAX_DEPTH - 32
"""Depth from which on the structure walk has to check a sequence."""
MAX_REPEAT_DEPTH: Final = DEEP_NESTING - 32
"""Depth up to which small sequences are reused: deeper ones could hide nesting, of which 400 bytes hold 25 levels."""


def check_depth(depth: int, offset: int, notes: EncodingNotes) -> None:
    """Note that nesting is deep; raises Malformed if it is too deep."""
    notes.unusual = True
    if depth > MAX_DEPTH:
        raise Malformed(f"sequences are nested more than {MAX_DEPTH} levels deep", offset)


def skip_excluded_element(
    source: Source, header: Header, position: int, base: int, encoding: Encoding, notes: EncodingNotes
) -> int:
    """Find the end of an element in a sequence that is never signed.

    Args:
        source: Contains the element.
        header: Its header.
        position: Where it starts in the source.
        base: Where the source starts in the input.
        encoding: How it is encoded.
        notes: Records signatures in the element.

    Raises:
        UnsignableElement: The element has VR UN or contains such an element. That makes all enclosing sequences
            unsignable, "recursively" (PS3.3 C.12.1.1.3.1.1), as in DCMTK.
    """
    tag, vr, size, length = header
    if tag in tags.MACRO:
        notes.has_signatures = True
    if vr != b"SQ" and length != UNDEFINED_LENGTH:
        if is_unknown_vr(vr):
            raise UnsignableElement(tag, base + position)
        return position + size + length
    end = position
    for step in iter_element_steps(source, position, encoding):
        end = step.end
        if step.event in (Event.ELEMENT, Event.SEQUENCE) and is_unknown_vr(step.vr):
            raise UnsignableElement(step.tag, base + step.start)
    return end
