"""Encoding of Data Elements, items and sequences (PS3.5 section 7)."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.dataset.transfer_syntax import Encoding
from dcmseal.dataset.vr import LONG_VRS, minimize_padding
from dcmseal.errors import UsageError
from dcmseal.tags import format_tag


def encode_element(tag: int, vr: bytes, value: bytes, encoding: Encoding) -> bytes:
    """Encode an element.

    Args:
        tag: Its tag.
        vr: Its VR.
        value: Its value in the byte order of the encoding; padding is added.
        encoding: The encoding of the Data Set.

    Raises:
        UsageError: The value is too long for the VR.
    """
    padded = minimize_padding(vr, value)
    return encode_header(tag, vr, len(padded), encoding) + padded


def encode_header(tag: int, vr: bytes, length: int, encoding: Encoding) -> bytes:
    """Encode the header of an element of defined length; raises UsageError if the VR does not allow that length."""
    start = encoding.tag.pack(tag >> 16, tag & 0xFFFF)
    if encoding.is_implicit:
        return start + encoding.u32.pack(length)
    if vr in LONG_VRS:
        return start + vr + b"\0\0" + encoding.u32.pack(length)
    if length > 0xFFFE:
        raise UsageError(
            f"the value of {format_tag(tag)} has {length} bytes, too many for its VR",
            hint="sign fewer elements: at most 16383",
        )
    return start + vr + encoding.u16.pack(length)


def encode_item(content: bytes, encoding: Encoding) -> bytes:
    """Encode an item of defined length with encoded elements."""
    return encoding.item_header.pack(0xFFFE, 0xE000, len(content)) + content


def encode_sequence(tag: int, items: Iterable[bytes], encoding: Encoding) -> bytes:
    """Encode a sequence of defined length with encoded items."""
    value = b"".join(items)
    return encode_header(tag, b"SQ", len(value), encoding) + value
