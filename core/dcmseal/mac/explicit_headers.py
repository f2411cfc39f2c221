"""Headers of any encoding, written in explicit VR little endian as the MAC has them (PS3.5 7.1, PS3.3 Table C.12-6)."""

from __future__ import annotations

from array import array
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from dcmseal import tags
from dcmseal.dataset.element_checks import ordering_key
from dcmseal.dataset.header import ElementKind, Header, ambiguous_vr, element_kind, header_error, read_header
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.vr import LONG_VRS, SHORT_VRS, TEXT_VRS, WORD_SIZE
from dcmseal.mac.vr_context import CONTEXT_TAGS

_LONG_HEADER: Final = Struct("<HH2sHI").pack
_SHORT_HEADER: Final = Struct("<HH2sH").pack
_UNITS: Final = {2: "H", 4: "I", 8: "Q"}


class HeaderAction(IntEnum):
    """What to do about an element."""

    COPY = 0
    """Its header and value are known."""
    SEQUENCE = 1
    CHOOSE_VR = 2
    """Its VR depends on the context."""
    CONTEXT = 3
    """The VRs of others depend on it."""
    UNKNOWN = 4
    EXCLUDED = 5
    ENCAPSULATED = 6
    ITEM_END = 7
    LONG_HEADER = 8
    """The header has twelve bytes."""
    INVALID = 9


class ConvertedHeader(NamedTuple):
    """An element's header in explicit VR little endian, and what the input's header says."""

    action: HeaderAction
    header: bytes
    size: int
    length: int
    word: int
    tag: int
    order: int
    """Of the element in its item."""


class _HeaderTable(dict[bytes, ConvertedHeader]):
    """Headers converted once: they repeat, so that looking them up beats decoding them."""

    __slots__ = ("_encoding", "_padding", "kept", "texts")

    def __init__(self, encoding: Encoding, *, padding: bool) -> None:
        super().__init__()
        self._encoding = encoding
        self._padding = padding
        self.kept: dict[bytes, tuple[bytes, int, int]] = {}
        """New header, bytes to the next one and place, where the header keeps its length and the value stays."""
        self.texts: dict[bytes, tuple[bytes, int, int, bool]] = {}
        """Likewise where the padding is to be checked, and whether the VR is UI."""

    def __missing__(self, header: bytes) -> ConvertedHeader:
        converted = _convert_header(header, self._encoding)
        if len(self) >= 1 << 16:
            self.clear()
            self.kept.clear()
            self.texts.clear()
        self[header] = converted
        if converted.action is HeaderAction.COPY and len(converted.header) == 8 and not converted.word:
            vr, step = converted.header[4:6], 8 + converted.length
            if self._padding and may_be_padded(vr, converted.length):
                self.texts[header] = converted.header, step, converted.order, vr == b"UI"
            else:
                self.kept[header] = converted.header, step, converted.order
        return converted

    def decode(self, buffer: bytes, position: int) -> Header:
        """The header as the input has it; raises Malformed if there is none."""
        header = read_header(buffer, position, self._encoding)
        if header is None:
            raise header_error(buffer[position : position + 12], position, self._encoding)
        return header


HEADER_TABLES: Final = {
    (encoding, padding): _HeaderTable(encoding, padding=padding) for encoding in Encoding for padding in (False, True)
}
"""For each encoding, the first eight bytes of a header, or all twelve of a long one, converted."""


def may_be_padded(vr: bytes, length: int) -> bool:
    """Whether a value can be padded in more than one way, or should be padded and is not."""
    return bool(length & 1 or (length and vr in TEXT_VRS))


def _convert_header(header: bytes, encoding: Encoding) -> ConvertedHeader:
    decoded = read_header(header, 0, encoding)
    place = ordering_key(decoded, encoding)
    if decoded is None:
        vr = header[4:6]
        needs_more = len(header) == 8 and not encoding.is_implicit and (vr in LONG_VRS or vr.isupper())
        return ConvertedHeader(HeaderAction.LONG_HEADER if needs_more else HeaderAction.INVALID, b"", 0, 0, 0, 0, place)
    tag, vr, size, length = decoded
    if not vr:
        is_end = tag == tags.ITEM_DELIMITATION_ITEM
        return ConvertedHeader(
            HeaderAction.ITEM_END if is_end else HeaderAction.INVALID, b"", size, length, 0, tag, place
        )
    action = {
        ElementKind.PLAIN: HeaderAction.COPY,
        ElementKind.SEQUENCE: HeaderAction.SEQUENCE,
        ElementKind.ENCAPSULATED: HeaderAction.ENCAPSULATED,
        ElementKind.UNKNOWN: HeaderAction.UNKNOWN,
        ElementKind.EXCLUDED: HeaderAction.EXCLUDED,
    }[element_kind(tag, vr, length)]
    if action is HeaderAction.COPY and encoding.is_implicit:
        if ambiguous_vr(tag):
            action = HeaderAction.CHOOSE_VR
        elif tag in CONTEXT_TAGS:
            action = HeaderAction.CONTEXT
    explicit = build_explicit_header(tag, vr, length)
    word = WORD_SIZE.get(vr, 0) if encoding.is_big_endian else 0
    return ConvertedHeader(action, explicit, size, length, word, tag, place)


def build_explicit_header(tag: int, vr: bytes, length: int) -> bytes:
    """A header in explicit VR little endian; sequences and fragments get none of their length."""
    if vr in SHORT_VRS:
        return _SHORT_HEADER(tag >> 16, tag & 0xFFFF, vr, min(length, 0xFFFF))
    if vr == b"SQ" or length == UNDEFINED_LENGTH:
        return _SHORT_HEADER(tag >> 16, tag & 0xFFFF, b"SQ" if vr == b"SQ" else b"OB", 0)
    return _LONG_HEADER(tag >> 16, tag & 0xFFFF, vr, 0, length)


def swap_bytes(value: bytes, word: int) -> bytes:
    """The value with the bytes of each unit in the other order (PS3.5 7.3); a rest too short for a unit is kept."""
    whole = len(value) // word * word
    units = array(_UNITS[word], value[:whole])
    units.byteswap()
    return units.tobytes() + value[whole:]
