"""Build edits that attach, timestamp and remove signatures, and leave all other bytes of the Data Set unchanged."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from dcmseal import tags
from dcmseal.dataset.edits import Edit, LengthField, add_length_edits, apply_edits, not_a_sequence_error
from dcmseal.dataset.element_writer import encode_element, encode_sequence
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import JoinedSource
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH
from dcmseal.errors import DatasetError
from dcmseal.macro.levels import Level, SignedLevel, find_group_length, iter_signed_levels
from dcmseal.macro.read import SignatureItem
from dcmseal.macro.write import build_parameters_item, build_signature_item
from dcmseal.model.signature import DigitalSignature
from dcmseal.representation import format_fields
from dcmseal.tags import format_tag

_ITEM_HEADER_SIZE = 8


def build_timestamp_edits(
    signed: SignedLevel, signature_item: SignatureItem, signature: DigitalSignature
) -> list[Edit]:
    """Build the edits that add or replace the timestamp of a signature, which no MAC covers (PS3.3 C.12.1.1.3.1.2).

    Args:
        signed: The level with the signature.
        signature_item: The item of the signature.
        signature: The signature with the new timestamp.

    Raises:
        DatasetError: The elements of the item are not in order, so that the right position is not defined.
    """
    item = signature_item.item
    if not tags.is_ascending(item.tags):
        raise DatasetError(
            "the elements of the signature's item are not in ascending order",
            hint="verify the file for details",
            code="signature-damaged",
        )
    edits = [*_iter_timestamp_edits(item, signature)]
    length_fields = (*signed.level.length_fields, *_timestamp_length_fields(signed.scan, signature_item))
    return add_length_edits([(edits, length_fields)])


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


def _timestamp_length_fields(scan: LevelScanner, signature_item: SignatureItem) -> Iterator[LengthField]:
    """Find the lengths of the item, of its sequence, and of the groups of both."""
    index = scan.index(tags.DIGITAL_SIGNATURES_SEQUENCE)
    assert index is not None
    header = scan.header(index)
    if header.length != UNDEFINED_LENGTH:
        yield LengthField(scan.starts[index] + header.size - 4, header.length, scan.encoding)
    start = signature_item.start
    length = scan.encoding.u32.unpack(scan.source.read(start + 4, start + _ITEM_HEADER_SIZE))[0]
    if length != UNDEFINED_LENGTH:
        yield LengthField(start + 4, length, scan.encoding)
    yield from find_group_length(scan, tags.DIGITAL_SIGNATURES_SEQUENCE)
    yield from find_group_length(signature_item.item, tags.CERTIFIED_TIMESTAMP)


_DELIMITER_SIZE = 8


def build_attach_edits(level: Level, scan: LevelScanner, signature: DigitalSignature) -> list[Edit]:
    """Build the edits that attach a signature and its MAC parameters to a level.

    Args:
        level: The level.
        scan: A complete scan of the level.
        signature: The signature.

    Raises:
        DatasetError: An element of the Digital Signatures Macro is not a sequence.
    """
    assert signature.mac is not None
    encoding = level.encoding
    edits: list[Edit] = []
    for tag, new_item in (
        (tags.MAC_PARAMETERS_SEQUENCE, build_parameters_item(signature.mac, encoding)),
        (tags.DIGITAL_SIGNATURES_SEQUENCE, build_signature_item(signature, encoding)),
    ):
        index = scan.index(tag)
        if index is None:
            item_edits = [build_insertion(scan, tag, encode_sequence(tag, (new_item,), encoding))]
        else:
            item_edits = list(_iter_append_edits(scan, index, new_item))
        edits.extend(item_edits)
        edits.extend(group_length_edits(scan, tag, sum(edit.growth for edit in item_edits)))
    return add_length_edits([(merge_insertions(edits), level.length_fields)])


def build_insertion(scan: LevelScanner, tag: int, data: bytes) -> Edit:
    """Build the edit that inserts an element before the first one with a higher tag."""
    index = bisect_right(scan.tags, tag)
    at = scan.starts[index] if index < len(scan.starts) else scan.end
    return Edit(at, at, data)


def _iter_append_edits(scan: LevelScanner, index: int, new_item: bytes) -> Iterator[Edit]:
    header = scan.header(index)
    start, end = scan.element_range(index)
    if header.vr != b"SQ":
        raise not_a_sequence_error(header.tag)
    if header.length == UNDEFINED_LENGTH:
        end -= _DELIMITER_SIZE
    else:
        yield LengthField(start + header.size - 4, header.length, scan.encoding).grow(len(new_item))
    yield Edit(end, end, new_item)


def merge_insertions(edits: list[Edit]) -> list[Edit]:
    """Merge insertions at the same position, so that they stay in order."""
    merged: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: edit.start):
        if merged and merged[-1].start == merged[-1].end == edit.start == edit.end:
            merged[-1] = Edit(edit.start, edit.end, merged[-1].data + edit.data)
        else:
            merged.append(edit)
    return merged


def group_length_edits(scan: LevelScanner, tag: int, growth: int) -> Iterator[Edit]:
    """Build the edits that correct the length of a group, if the level has one (PS3.5 7.2)."""
    if growth:
        yield from (length_field.grow(growth) for length_field in find_group_length(scan, tag))


class RemovalResult(Struct, frozen=True, kw_only=True):
    """The result of removing signatures."""

    removed: tuple[DigitalSignature, ...]
    data: bytes | None
    """The file without them; None if it was written to an output."""

    def __repr__(self) -> str:
        return format_fields(self, hidden=("data",))


class Removal(Struct, frozen=True, kw_only=True):
    """A Data Set without the removed signatures."""

    body: JoinedSource
    removed: tuple[DigitalSignature, ...]


def strip_signatures(file: DicomFile, should_remove: Callable[[DigitalSignature], bool]) -> Removal:
    """Remove signatures at all levels, except in Original Attributes Sequence, which preserves former states.

    Args:
        file: The file.
        should_remove: Returns whether to remove a signature.

    Raises:
        Malformed: The encoding violates PS3.5.
        DatasetError: A level has a sequence of the macro twice, or with another VR than SQ.
    """
    changes: list[tuple[Sequence[Edit], Sequence[LengthField]]] = []
    removed: list[DigitalSignature] = []
    for signed in iter_signed_levels(file):
        if signed.level.in_original_attributes:
            continue
        _check_unambiguous(signed)
        starts = {found.start for found in signed.level_signatures.signatures if should_remove(found.signature)}
        if starts:
            removed.extend(found.signature for found in signed.level_signatures.signatures if found.start in starts)
            changes.append((tuple(_iter_removal_edits(signed, starts)), signed.level.length_fields))
    return Removal(body=apply_edits(file.body, add_length_edits(changes)), removed=tuple(removed))


def _check_unambiguous(signed: SignedLevel) -> None:
    """Check that all readers find the same signatures in a level, so that none of them remains."""
    for tag in tags.MACRO:
        where = f"{format_tag(tag)} in {signed.level.location}"
        index, count = signed.scan.index(tag), signed.scan.tags.count(tag)
        what = ""
        if count > 1:
            what = f"{where} occurs {count} times instead of once (PS3.5 7.1)"
        elif index is not None and signed.scan.header(index).vr != b"SQ":
            what = f"{where} does not have VR SQ"
        if what:
            raise DatasetError(
                f"signatures cannot be removed: {what}",
                hint="nothing was removed: repair the data set with the software that wrote it",
            )


def _iter_removal_edits(signed: SignedLevel, starts: set[int]) -> Iterator[Edit]:
    """Remove the signatures that start at some positions, and the MAC parameters that only they use."""
    scan, found = signed.scan, signed.level_signatures
    kept_ids = {each.signature.mac_id for each in found.signatures if each.start not in starts}
    signatures = [(each.start, each.end) for each in found.signatures]
    unused = [(each.start, each.end) for each in found.parameters if each.parameters.mac_id not in kept_ids]
    # parameters that no signature uses are removed only with the last signature
    if kept_ids:
        unused_ids = {each.signature.mac_id for each in found.signatures if each.start in starts} - kept_ids
        unused = [(each.start, each.end) for each in found.parameters if each.parameters.mac_id in unused_ids]
    yield from _iter_item_removals(scan, tags.MAC_PARAMETERS_SEQUENCE, unused, keep=len(found.parameters) - len(unused))
    yield from _iter_item_removals(
        scan,
        tags.DIGITAL_SIGNATURES_SEQUENCE,
        [each for each in signatures if each[0] in starts],
        keep=len(signatures) - len(starts),
    )


def _iter_item_removals(scan: LevelScanner, tag: int, items: list[tuple[int, int]], *, keep: int) -> Iterator[Edit]:
    """Remove items from a sequence, or the sequence if none is left."""
    index = scan.index(tag)
    if index is None or (not items and keep):
        return
    start, end = scan.element_range(index)
    header = scan.header(index)
    if not keep:
        yield Edit(start, end, b"")
        growth = start - end
    else:
        growth = -sum(stop - first for first, stop in items)
        if header.length != UNDEFINED_LENGTH:
            yield LengthField(start + header.size - 4, header.length, scan.encoding).grow(growth)
        for first, stop in items:
            yield Edit(first, stop, b"")
    yield from group_length_edits(scan, tag, growth)
