"""What the parts of the MAC byte stream have in common, whatever encoding the Data Set comes in."""

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
"""An item in the MAC: its tag, no length (PS3.3 C.12.1.1.3.1.1)."""
SEQUENCE_DELIMITER: Final = b"\xfe\xff\xdd\xe0"
"""The end of a sequence, or of fragments, in the MAC: the tag, no length."""


class UnsignableElement(Exception):
    """A sequence holds an element of VR UN, which makes the whole of it unsignable (PS3.3 C.12.1.1.3.1.1)."""

    def __init__(self, tag: int, offset: int) -> None:
        super().__init__(tag, offset)
        self.tag = tag
        self.offset = offset


class ExcessPadding(Exception):
    """A value has more than minimal padding, or is of odd length."""


def check_value_padding(buffer: bytes, start: int, end: int, *, is_ui: bool) -> None:
    """Raise ExcessPadding if a text value, or any of odd length, is not minimally padded (PS3.5 6.2)."""
    if not is_minimally_padded(buffer, start, end, is_ui=is_ui):
        raise ExcessPadding


class ReturnValue(Generic[_Piece]):
    """Iterates over a generator and keeps what it returns: where the element ends."""

    __slots__ = ("_steps", "end")

    def __init__(self, steps: Generator[_Piece, None, int]) -> None:
        self._steps = steps
        self.end = -1

    def __iter__(self) -> Iterator[_Piece]:
        self.end = yield from self._steps


Repeat: TypeAlias = tuple[bytes, int]
"""A small sequence as it enters the MAC, and how many items of undefined length it holds."""


class EncodingNotes:
    """What was seen while sequences were encoded: mutable, owned by the one who encodes."""

    __slots__ = ("ambiguous", "has_signatures", "hidden_boundary", "open_items", "repeats", "unusual")

    def __init__(self) -> None:
        self.has_signatures = False
        """A sequence of the Digital Signatures Macro stands somewhere inside."""
        self.ambiguous = False
        """An implicit VR element was met whose VR depends on its context."""
        self.hidden_boundary = False
        """A fragment holds bytes that read as the end of a fragment: the MAC cannot tell where it ends."""
        self.unusual = False
        """Something was met that the structure walk has to look at."""
        self.open_items = 0
        """Items of undefined length."""
        self.repeats: dict[bytes, Repeat] = {}
        """Small sequences by their bytes: codes and references repeat a lot."""

    def reset(self) -> None:
        """Forget what was seen in one sequence, before the next."""
        self.has_signatures = self.hidden_boundary = self.unusual = False
        self.open_items = 0


MAX_REPEAT_SIZE: Final = 400
"""Size in bytes up to which nested sequences are remembered."""
MAX_REPEATS: Final = 4096
SEEN_ONCE: Final[Repeat] = b"seen", 0
"""Stands among the repeats for a small sequence that was met once."""
NO_REPEAT: Final[Repeat] = b"", 0
"""Stands among the repeats for a small sequence that holds something to be seen in its place."""

DEEP_NESTING: Final = MAX_DEPTH - 32
"""Nesting that the structure walk has to look at: small sequences that repeat hide that they go deeper."""


def check_depth(depth: int, offset: int, notes: EncodingNotes) -> None:
    """Take notice of deep nesting; raises Malformed if it is too deep."""
    notes.unusual = True
    if depth > MAX_DEPTH:
        raise Malformed(f"sequences are nested more than {MAX_DEPTH} deep", offset)


def skip_excluded_element(
    source: Source, header: Header, position: int, base: int, encoding: Encoding, notes: EncodingNotes
) -> int:
    """Where an element ends that is never signed and stands in a sequence; ``position`` is where it begins.

    Raises Unsignable if it is or holds an element of VR UN: that makes all it stands in unsignable too, "recursively"
    (PS3.3 C.12.1.1.3.1.1), and DCMTK has it so. ``base`` is where the source begins in the input.
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
