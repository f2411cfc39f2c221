"""Putting a signature into a Data Set: two sequences grow by an item each, every other byte stays."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from dcmseal import tags
from dcmseal.dataset.editing import Edit, LengthField, add_length_edits, not_a_sequence_error
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.syntax import UNDEFINED_LENGTH
from dcmseal.dataset.writer import encode_sequence
from dcmseal.engine.items import build_parameters_item, build_signature_item
from dcmseal.engine.levels import Level, group_holders
from dcmseal.model import DigitalSignature

_DELIMITER_SIZE = 8


def build_attach_edits(level: Level, scan: LevelScanner, signature: DigitalSignature) -> list[Edit]:
    """The edits that put a signature, and its MAC parameters, into a level that is completely scanned.

    Raises DatasetError if something stands there that is no sequence.
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
            made = [build_insertion(scan, tag, encode_sequence(tag, (new_item,), encoding))]
        else:
            made = list(_iter_append_edits(scan, index, new_item))
        edits.extend(made)
        edits.extend(group_length_edits(scan, tag, sum(edit.growth for edit in made)))
    return add_length_edits([(merge_insertions(edits), level.holders)])


def build_insertion(scan: LevelScanner, tag: int, data: bytes) -> Edit:
    """Put an element in front of the first one with a higher tag."""
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
    """Insertions at the same place become one, so that their order stays."""
    merged: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: edit.start):
        if merged and merged[-1].start == merged[-1].end == edit.start == edit.end:
            merged[-1] = Edit(edit.start, edit.end, merged[-1].data + edit.data)
        else:
            merged.append(edit)
    return merged


def group_length_edits(scan: LevelScanner, tag: int, growth: int) -> Iterator[Edit]:
    """Correct the length of a group that grows, where a level still has it (PS3.5 7.2)."""
    if growth:
        yield from (holder.grow(growth) for holder in group_holders(scan, tag))
