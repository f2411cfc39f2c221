"""Data Element headers: tag, VR and value length (PS3.5 section 7.1)."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache, partial
from typing import Final, NamedTuple

from dcmseal import tags
from dcmseal.dataset.header_cache import HeaderCache
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.vr import LATEST_VRS, LONG_VRS, SHORT_VRS, VALUE_SIZE, is_unknown_vr
from dcmseal.errors import Malformed
from dcmseal.tags import format_tag


class ElementKind(IntEnum):
    """How an element is signed."""

    PLAIN = 0
    """Signable, with a value of defined length."""
    RESERVED_NONZERO = 1
    """PLAIN, but the reserved bytes of its header are not 0000 as in the MAC (PS3.5 7.1.2)."""
    SEQUENCE = 2
    ENCAPSULATED = 3
    """Undefined length, with fragments (PS3.5 A.4)."""
    UNKNOWN = 4
    """VR UN: not signable."""
    EXCLUDED = 5
    """Never signed, whatever its VR."""


class Header(NamedTuple):
    """A decoded header; ``size`` is its length in bytes."""

    tag: int
    vr: bytes
    size: int
    length: int


def read_header(buffer: bytes, position: int, encoding: Encoding) -> Header | None:
    """Decode the header at a position in a buffer.

    Items and delimiters have an empty VR. A VR that PS3.5 does not define is read with a 32-bit length, because VRs
    added in the future have one (PS3.5 6.2, note).

    Args:
        buffer: Contains the header.
        position: Where it starts.
        encoding: How it is encoded.

    Returns:
        The header, or None if the VR is malformed or the buffer ends inside the header.
    """
    entries = _CACHED_HEADERS[encoding.key]
    try:
        header = entries[buffer[position : position + 8]]
        if header is None or header.size == 8:
            return header
        whole = buffer[position : position + 12]
        return entries[whole] if len(whole) == 12 else None
    except KeyError:
        return _learn_header(buffer[position : position + 12], encoding)


def header_error(start: bytes, position: int, encoding: Encoding) -> Malformed:
    """Build the error for bytes that ``read_header`` cannot decode.

    Args:
        start: The bytes, at most the twelve of a long header.
        position: Where they are.
        encoding: How they are encoded.
    """
    if len(start) < 8:
        return Malformed(
            f"{len(start)} bytes are left, too few for a Data Element",
            position,
            hint="the file is truncated, or something was appended to it: fetch it again from its source",
        )
    if not any(start):
        return Malformed(
            "found zeros instead of a Data Element",
            position,
            hint="the file is damaged or was padded: padding belongs into (FFFC,FFFC) (PS3.10 7.2)",
        )
    group, element, _ = encoding.item_header.unpack_from(start)
    vr = start[4:6].decode("latin-1")
    if encoding.is_implicit or vr in _VR_NAMES or not vr.isprintable() or not vr.isascii():
        return Malformed("expected a Data Element", position)
    where = format_tag(group << 16 | element)
    return Malformed(
        f"{where} has VR '{vr}', which PS3.5 6.2 does not define: readers disagree about what follows",
        position,
        hint="the file is damaged, or the software that wrote it has a bug: rewrite it with other software",
    )


def overrun_error(tag: int, position: int, *, at_end_of_file: bool) -> Malformed:
    """Build the error for an element or item that is longer than the rest of what contains it.

    Args:
        tag: The tag of the element.
        position: Where it starts.
        at_end_of_file: Whether it extends beyond the end of the file, not only of an item or sequence.
    """
    from dcmseal.dictionary import tag_name

    name = "item" if tag == tags.ITEM else tag_name(tag) or "element"
    where = f"{name} {format_tag(tag)}"
    if at_end_of_file:
        return Malformed(f"file is truncated inside {where}", position)
    return Malformed(f"{where} is longer than the sequence or item that contains it", position)


_VR_NAMES: Final = frozenset(vr.decode() for vr in SHORT_VRS | LONG_VRS)


def _learn_header(start: bytes, encoding: Encoding) -> Header | None:
    """Decode a header that is not in the cache, from up to twelve bytes."""
    if len(start) < 8:
        return None
    cache = _HEADER_CACHES[encoding.key]
    header = cache.learn(start[:8])
    if header is None or header.size == 8:
        return header
    return cache.learn(start) if len(start) == 12 else None


def _decode_header(encoding: Encoding, start: bytes) -> Header | None:
    """Decode a header from its first eight bytes, or all twelve of a long one; from eight, its length is 0."""
    group, element, length = encoding.item_header.unpack_from(start)
    tag = group << 16 | element
    if group == 0xFFFE:
        return Header(tag, b"", 8, length)
    if encoding is Encoding.IMPLICIT_LITTLE:
        vr = implicit_vr(tag)
        # explicit VR has no form but UN for a value this long (PS3.5 6.2.2)
        return Header(tag, b"UN" if length > 0xFFFE and vr in SHORT_VRS else vr, 8, length)
    vr = start[4:6]
    if vr in SHORT_VRS:
        return Header(tag, vr, 8, encoding.u16.unpack_from(start, 6)[0])
    if vr not in LONG_VRS and not (vr.isalpha() and vr.isupper()):
        return None
    return Header(tag, vr, 12, encoding.u32.unpack_from(start, 8)[0] if len(start) == 12 else 0)


_HEADER_CACHES: Final = {encoding.key: HeaderCache(partial(_decode_header, encoding)) for encoding in Encoding}
"""Headers by encoding and bytes; long headers are also found by their first eight bytes, without their length."""
_CACHED_HEADERS: Final = {key: cache.entries for key, cache in _HEADER_CACHES.items()}


@lru_cache(maxsize=16384)
def _dictionary_vr(tag: int) -> str:
    from dcmseal.dictionary import tag_vr

    return tag_vr(tag) or "UN"


def ambiguous_vr(tag: int) -> str:
    """Look up the VRs of an attribute that has several, such as ``US or SS``; empty if it has one."""
    vr = _dictionary_vr(tag)
    return vr if len(vr) > 2 else ""


_AMBIGUOUS_DEFAULT: Final = {"US or SS": b"US", "OB or OW": b"OW"}


def implicit_vr(tag: int) -> bytes:
    """Look up the VR of an element in implicit VR: a default if it depends on the context, UN if it is not known."""
    vr = _dictionary_vr(tag)
    if len(vr) == 2:
        return vr.encode()
    return _AMBIGUOUS_DEFAULT.get(vr, b"OW")


_AMBIGUOUS_LENGTH: Final = 13


def is_length_ambiguous(vr: bytes, length: int, encoding: Encoding) -> bool:
    """Whether readers disagree about the length of an element.

    If the VR fixes the size of a value (PS3.5 Table 6.2-1), GDCM and dcmjs read whole values, and parse the rest as
    another element. In implicit VR, GDCM reads 10 bytes if the length is 13, because some devices wrote it so. In
    explicit VR, dicomParser reads a 16-bit length for the latest VRs.
    """
    if length % VALUE_SIZE.get(vr, 1):
        return True
    return length == _AMBIGUOUS_LENGTH if encoding.is_implicit else vr in LATEST_VRS


def element_kind(tag: int, vr: bytes, length: int) -> ElementKind:
    """Classify an element by its header."""
    return _classify_element(tag, vr, length == UNDEFINED_LENGTH)


@lru_cache(maxsize=16384)
def _classify_element(tag: int, vr: bytes, is_undefined: bool) -> ElementKind:  # noqa: FBT001 - kept by position
    if exclusion_reason(tag):
        return ElementKind.EXCLUDED
    if vr == b"SQ":
        return ElementKind.SEQUENCE
    if is_unknown_vr(vr):
        return ElementKind.UNKNOWN
    if is_undefined:
        return ElementKind.ENCAPSULATED if vr in (b"OB", b"OW") else ElementKind.UNKNOWN
    return ElementKind.PLAIN


def is_too_long_for_vr(tag: int, encoding: Encoding) -> bool:
    """Whether an element has VR UN only because its value is too long for its VR in explicit VR."""
    return encoding.is_implicit and implicit_vr(tag) in SHORT_VRS


def unknown_vr_reason(tag: int, encoding: Encoding) -> str:
    """Explain why an element of VR UN cannot be signed."""
    if is_too_long_for_vr(tag, encoding):
        vr = implicit_vr(tag).decode()
        return f"its value is too long for VR {vr} in explicit VR, so that its VR becomes UN (PS3.5 6.2.2)"
    return "its VR is UN"


def unknown_item_reason(tag: int, encoding: Encoding) -> str:
    """Explain why a sequence that contains an element of VR UN cannot be signed."""
    reason = f"it contains {format_tag(tag)} of VR UN"
    if is_too_long_for_vr(tag, encoding):
        return f"{reason}, whose value is too long for its VR in explicit VR (PS3.5 6.2.2)"
    return reason
