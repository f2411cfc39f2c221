"""Putting a certified timestamp into a signature's item: two elements go in, every other byte stays."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from dcmseal import tags
from dcmseal.dataset.editing import Edit, LengthField, add_length_edits
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.syntax import UNDEFINED_LENGTH
from dcmseal.dataset.writer import encode_element
from dcmseal.engine.levels import group_holders
from dcmseal.engine.reading import SignatureItem
from dcmseal.engine.signed_levels import SignedLevel
from dcmseal.errors import DatasetError
from dcmseal.model import DigitalSignature

_ITEM_HEADER_SIZE = 8


def build_timestamp_edits(signed: SignedLevel, found: SignatureItem, signature: DigitalSignature) -> list[Edit]:
    """The edits that put the timestamp of ``signature`` into the item that was found, in the place of another.

    No MAC covers these elements (PS3.3 C.12.1.1.3.1.2), nor those around them. Raises DatasetError if the elements of
    the item are not in order, for there is no telling then where they belong.
    """
    item = found.item
    if not tags.is_ascending(item.tags):
        raise DatasetError("the signature's elements are not in order", hint="dcmseal verify tells more")
    edits = [*_iter_timestamp_edits(item, signature)]
    return add_length_edits([(edits, (*signed.level.holders, *_timestamp_holders(signed.scan, found)))])


def _iter_timestamp_edits(item: LevelScanner, signature: DigitalSignature) -> Iterator[Edit]:
    first = bisect_left(item.tags, tags.CERTIFIED_TIMESTAMP_TYPE)
    encoding = item.encoding
    data = encode_element(tags.CERTIFIED_TIMESTAMP_TYPE, b"CS", signature.timestamp_type.encode(), encoding)
    data += encode_element(tags.CERTIFIED_TIMESTAMP, b"OB", signature.timestamp, encoding)
    at = item.starts[first] if first < len(item.starts) else item.end
    yield Edit(at, at, data)
    for tag in (tags.CERTIFIED_TIMESTAMP_TYPE, tags.CERTIFIED_TIMESTAMP):
        index = item.index(tag)
        if index is not None:
            yield Edit(*item.element_range(index), b"")


def _timestamp_holders(scan: LevelScanner, found: SignatureItem) -> Iterator[LengthField]:
    """The lengths of the item, of its sequence, and of the groups that both are in."""
    index = scan.index(tags.DIGITAL_SIGNATURES_SEQUENCE)
    assert index is not None
    header = scan.header(index)
    if header.length != UNDEFINED_LENGTH:
        yield LengthField(scan.starts[index] + header.size - 4, header.length, scan.encoding)
    length = scan.encoding.u32.unpack(scan.source.read(found.start + 4, found.start + _ITEM_HEADER_SIZE))[0]
    if length != UNDEFINED_LENGTH:
        yield LengthField(found.start + 4, length, scan.encoding)
    yield from group_holders(scan, tags.DIGITAL_SIGNATURES_SEQUENCE)
    yield from group_holders(found.item, tags.CERTIFIED_TIMESTAMP)
