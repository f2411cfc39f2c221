"""Data Element headers: tag, VR and value length (PS3.5 section 7.1)."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.vr import LATEST_VRS, LONG_VRS, SHORT_VRS, VALUE_SIZE, is_unknown_vr
from dcmseal.dictionary import tag_name
from dcmseal.errors import Malformed
from dcmseal.tags import format_tag


class ElementKind(IntEnum):
    """How an element is treated where it stands."""

    PLAIN = 0
    """Signable, with a value of defined length."""
    RESERVED_NONZERO = 1
    """As PLAIN, but the reserved bytes of its header are not 0000, as they are in the MAC (PS3.5 7.1.2)."""
    SEQUENCE = 2
    ENCAPSULATED = 3
    """Undefined length, made of fragments (PS3.5 A.4)."""
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
    """Decode the header at a position of a buffer; None if the VR is none, or the buffer ends in it.

    Delimiters and items get an empty VR. A VR unknown to PS3.5 is read with a 32-bit length, as new ones have it
    (PS3.5 6.2, note).
    """
    known = _HEADER_CACHE[encoding.key]
    try:
        header = known[buffer[position : position + 8]]
        if header is None or header.size == 8:
            return header
        whole = buffer[position : position + 12]
        return known[whole] if len(whole) == 12 else None
    except KeyError:
        return _learn_header(buffer[position : position + 12], encoding)


def overrun_error(tag: int, position: int, *, at_end_of_file: bool) -> Malformed:
    """The error for a Data Element that ends behind its sequence, its item or the file."""
    where = f"{tag_name(tag) or 'element'} {format_tag(tag)}"
    if at_end_of_file:
        return Malformed(f"file is truncated inside {where}", position)
    return Malformed(f"{where} is longer than the sequence or item that contains it", position)


def header_error(start: bytes, position: int, encoding: Encoding) -> Malformed:
    """The error for bytes that ``read_header`` makes nothing of: what stands there instead of a Data Element."""
    if len(start) < 8:
        return Malformed(
            f"{len(start)} bytes are left, too few for a Data Element",
            position,
            hint="the file is cut short, or something was appended to it: fetch it again from its source",
        )
    if not any(start):
        return Malformed(
            "zeros stand where a Data Element should begin",
            position,
            hint="the file is damaged, or was padded: padding has to be in (FFFC,FFFC) (PS3.10 7.2)",
        )
    group, element, _ = encoding.item_header.unpack_from(start)
    vr = start[4:6].decode("latin-1")
    if encoding.is_implicit or vr in _VR_NAMES or not vr.isprintable() or not vr.isascii():
        return Malformed("no Data Element can be read here", position)
    where = format_tag(group << 16 | element)
    return Malformed(
        f"{where} has VR '{vr}', which PS3.5 6.2 does not know: readers differ in what follows",
        position,
        hint="the file is damaged, or was written by software that errs: have it written anew",
    )


_VR_NAMES: Final = frozenset(vr.decode() for vr in SHORT_VRS | LONG_VRS)
_MAX_CACHED: Final = 1 << 14
_HEADER_CACHE: Final[dict[str, dict[bytes, Header | None]]] = {encoding.key: {} for encoding in Encoding}
"""Headers by their bytes and encoding: they repeat, so that looking them up beats decoding them.

Those of twelve bytes stand there by the first eight of them, too, without their length.
"""


def _learn_header(start: bytes, encoding: Encoding) -> Header | None:
    """A header that is met for the first time, from up to twelve bytes."""
    known = _HEADER_CACHE[encoding.key]
    if len(known) >= _MAX_CACHED:
        known.clear()
    header = known[start[:8]] = _decode_header(start[:8], encoding) if len(start) >= 8 else None
    if header is None or header.size == 8:
        return header
    if len(start) < 12:
        return None
    whole = known[start] = header._replace(length=encoding.u32.unpack_from(start, 8)[0])
    return whole


def _decode_header(start: bytes, encoding: Encoding) -> Header | None:
    """What eight bytes say; of a header of twelve, all but the length."""
    group, element, length = encoding.item_header.unpack(start)
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
    return Header(tag, vr, 12, 0) if vr in LONG_VRS or (vr.isalpha() and vr.isupper()) else None


@lru_cache(maxsize=16384)
def _dictionary_vr(tag: int) -> str:
    from dcmseal.dictionary import tag_vr

    return tag_vr(tag) or "UN"


def ambiguous_vr(tag: int) -> str:
    """The VRs the dictionary leaves open for a tag, such as ``US or SS``; empty if there is one only."""
    vr = _dictionary_vr(tag)
    return vr if len(vr) > 2 else ""


_AMBIGUOUS_DEFAULT: Final = {"US or SS": b"US", "OB or OW": b"OW"}


def implicit_vr(tag: int) -> bytes:
    """The VR of an element in implicit VR, without looking at its context.

    Private and unknown elements are UN. Of the context-dependent VRs the first guess is given.
    """
    vr = _dictionary_vr(tag)
    if len(vr) == 2:
        return vr.encode()
    return _AMBIGUOUS_DEFAULT.get(vr, b"OW")


_AMBIGUOUS_LENGTH: Final = 13


def is_length_ambiguous(vr: bytes, length: int, encoding: Encoding) -> bool:
    """Whether readers differ in what the length of an element says.

    Where the VR fixes the size of a value (PS3.5 Table 6.2-1), GDCM and dcmjs read whole values, and take the rest for
    another element. In implicit VR, GDCM takes 13 for 10, as some devices wrote it. In explicit VR, dicomParser takes
    the latest VRs for short ones.
    """
    if length % VALUE_SIZE.get(vr, 1):
        return True
    return length == _AMBIGUOUS_LENGTH if encoding.is_implicit else vr in LATEST_VRS


def element_kind(tag: int, vr: bytes, length: int) -> ElementKind:
    """How an element of this header is treated."""
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
    """Whether an element of VR UN has another VR by the dictionary, in which explicit VR cannot encode its value."""
    return encoding.is_implicit and implicit_vr(tag) in SHORT_VRS


def unknown_vr_reason(tag: int, encoding: Encoding) -> str:
    """Why an element of VR UN is one."""
    if is_too_long_for_vr(tag, encoding):
        vr = implicit_vr(tag).decode()
        return f"its value is too long for VR {vr} in explicit VR, where it is UN (PS3.5 6.2.2)"
    return "its VR is UN"


def unknown_item_reason(tag: int, encoding: Encoding) -> str:
    """Why a sequence cannot be signed that holds an element of VR UN."""
    if is_too_long_for_vr(tag, encoding):
        return f"it holds {format_tag(tag)}, whose value is too long for explicit VR, where it is UN (PS3.5 6.2.2)"
    return f"it holds {format_tag(tag)} of VR UN"
