"""Conversion of headers to explicit VR little endian, the encoding of the MAC (PS3.5 7.1, PS3.3 Table C.12-6)."""

from __future__ import annotations

from array import array
from enum import IntEnum
from functools import partial
from struct import Struct
from typing import Final, NamedTuple

from dcmseal import tags
from dcmseal.dataset.element_checks import ordering_key
from dcmseal.dataset.header import ElementKind, Header, ambiguous_vr, element_kind, header_error, read_header
from dcmseal.dataset.header_cache import HeaderCache
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.vr import LONG_VRS, SHORT_VRS, TEXT_VRS, WORD_SIZE

_LONG_HEADER: Final = Struct("<HH2sHI").pack
_SHORT_HEADER: Final = Struct("<HH2sH").pack
_UNITS: Final = {2: "H", 4: "I", 8: "Q"}


class HeaderAction(IntEnum):
    """How to encode an element."""

    COPY = 0
    """Use the converted header and the value."""
    SEQUENCE = 1
    CHOOSE_VR = 2
    """Its VR depends on the context."""
    CONTEXT = 3
    """The VRs of other elements depend on it."""
    UNKNOWN = 4
    EXCLUDED = 5
    ENCAPSULATED = 6
    ITEM_END = 7
    LONG_HEADER = 8
    """The header has twelve bytes, of which only eight were given."""
    INVALID = 9


class ConvertedHeader(NamedTuple):
    """A header in explicit VR little endian, and the content of the original one."""

    action: HeaderAction
    header: bytes
    size: int
    """Of the original header."""
    length: int
    word: int
    """The size of the words whose bytes have to be swapped; 0 if none."""
    tag: int
    order: int
    """The ordering key of the element."""


_MAX_CONVERTED: Final = 1 << 16


class _ConvertedHeaders(HeaderCache[ConvertedHeader]):
    """Headers by their first eight bytes, or all twelve of a long one; the most frequent kinds also apart from others.

    Each entry of ``copied`` and ``texts`` is also in ``entries``.
    """

    __slots__ = ("_check_padding", "copied", "texts")

    def __init__(self, encoding: Encoding, *, check_padding: bool) -> None:
        super().__init__(partial(_convert_header, encoding), _MAX_CONVERTED)
        self._check_padding = check_padding
        self.copied: dict[bytes, tuple[bytes, int, int]] = {}
        """New header, distance to the next one, ordering key: the header keeps its size, the value is copied."""
        self.texts: dict[bytes, tuple[bytes, int, int, bool]] = {}
        """The same where the padding has to be checked, and whether the VR is UI."""

    def learn(self, header: bytes) -> ConvertedHeader:
        converted = super().learn(header)
        if converted.action is HeaderAction.COPY and len(converted.header) == 8 and not converted.word:
            vr, step = converted.header[4:6], 8 + converted.length
            if self._check_padding and needs_padding_check(vr, converted.length):
                self.texts[header] = converted.header, step, converted.order, vr == b"UI"
            else:
                self.copied[header] = converted.header, step, converted.order
        return converted

    def clear(self) -> None:
        super().clear()
        self.copied.clear()
        self.texts.clear()


def decode_header(buffer: bytes, position: int, encoding: Encoding) -> Header:
    """Decode a header; raises Malformed if that is not possible."""
    header = read_header(buffer, position, encoding)
    if header is None:
        raise header_error(buffer[position : position + 12], position, encoding)
    return header


def needs_padding_check(vr: bytes, length: int) -> bool:
    """Whether the padding of a value has to be checked: its length is odd, or it is text."""
    return bool(length & 1 or (length and vr in TEXT_VRS))


def _convert_header(encoding: Encoding, header: bytes) -> ConvertedHeader:
    decoded = read_header(header, 0, encoding)
    order = ordering_key(decoded, encoding)
    if decoded is None:
        vr = header[4:6]
        needs_more = len(header) == 8 and not encoding.is_implicit and (vr in LONG_VRS or vr.isupper())
        return ConvertedHeader(HeaderAction.LONG_HEADER if needs_more else HeaderAction.INVALID, b"", 0, 0, 0, 0, order)
    tag, vr, size, length = decoded
    if not vr:
        is_end = tag == tags.ITEM_DELIMITATION_ITEM
        return ConvertedHeader(
            HeaderAction.ITEM_END if is_end else HeaderAction.INVALID, b"", size, length, 0, tag, order
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
        elif tag in tags.VR_CONTEXT:
            action = HeaderAction.CONTEXT
    explicit = build_explicit_header(tag, vr, length)
    word = WORD_SIZE.get(vr, 0) if encoding.is_big_endian else 0
    return ConvertedHeader(action, explicit, size, length, word, tag, order)


CONVERTED_HEADERS: Final = {
    (encoding, check_padding): _ConvertedHeaders(encoding, check_padding=check_padding)
    for encoding in Encoding
    for check_padding in (False, True)
}
"""By the encoding of the input, and whether padding is checked."""


def build_explicit_header(tag: int, vr: bytes, length: int) -> bytes:
    """Build a header in explicit VR little endian for the MAC, where sequences and fragments have no length."""
    if vr in SHORT_VRS:
        return _SHORT_HEADER(tag >> 16, tag & 0xFFFF, vr, min(length, 0xFFFF))
    if vr == b"SQ" or length == UNDEFINED_LENGTH:
        return _SHORT_HEADER(tag >> 16, tag & 0xFFFF, b"SQ" if vr == b"SQ" else b"OB", 0)
    return _LONG_HEADER(tag >> 16, tag & 0xFFFF, vr, 0, length)


def swap_bytes(value: bytes, word: int) -> bytes:
    """Swap the bytes of each word in a value (PS3.5 7.3); an incomplete last word stays as it is."""
    whole = len(value) // word * word
    units = array(_UNITS[word], value[:whole])
    units.byteswap()
    return units.tobytes() + value[whole:]
