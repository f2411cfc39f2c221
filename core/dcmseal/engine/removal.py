"""Removing signatures: their items, MAC parameters nobody else uses, and sequences that become empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from dcmseal import tags
from dcmseal.dataset.editing import Edit, LengthField, add_length_edits, apply_edits
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import JoinedSource
from dcmseal.dataset.syntax import UNDEFINED_LENGTH
from dcmseal.engine.attaching import group_length_edits
from dcmseal.engine.signed_levels import SignedLevel, iter_signed_levels
from dcmseal.errors import DatasetError
from dcmseal.model import DigitalSignature
from dcmseal.tags import format_tag


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalResult:
    """What was removed, and the file without it if no output was named."""

    removed: tuple[DigitalSignature, ...]
    data: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """The Data Set without the signatures, and which those were."""

    body: JoinedSource
    removed: tuple[DigitalSignature, ...]


def strip_signatures(file: DicomFile, should_remove: Callable[[DigitalSignature], bool]) -> Removal:
    """Take out all signatures that ``should_remove`` says yes to, at every level.

    What stands in Original Attributes Sequence is history and stays. Raises Malformed, and DatasetError if a level has
    a sequence of the macro that would stay: one that is there twice, or is no sequence.
    """
    changes: list[tuple[Sequence[Edit], Sequence[LengthField]]] = []
    removed: list[DigitalSignature] = []
    for signed in iter_signed_levels(file):
        if signed.level.in_original_attributes:
            continue
        _check_unambiguous(signed)
        gone = {found.start for found in signed.level_signatures.signatures if should_remove(found.signature)}
        if gone:
            removed.extend(found.signature for found in signed.level_signatures.signatures if found.start in gone)
            changes.append((tuple(_iter_removal_edits(signed, gone)), signed.level.holders))
    return Removal(body=apply_edits(file.body, add_length_edits(changes)), removed=tuple(removed))


def _check_unambiguous(signed: SignedLevel) -> None:
    """Refuse a level whose macro cannot be read as a whole: what is left of it might be read by somebody else."""
    for tag in tags.MACRO:
        where = f"{format_tag(tag)} in {signed.level.location}"
        index, count = signed.scan.index(tag), signed.scan.tags.count(tag)
        what = ""
        if count > 1:
            what = f"{where} is there {count} times, and may be there once (PS3.5 7.1)"
        elif index is not None and signed.scan.header(index).vr != b"SQ":
            what = f"{where} does not have VR SQ"
        if what:
            raise DatasetError(
                f"signatures cannot be removed: {what}",
                hint="nothing was removed: have the data set repaired by what made it",
            )


def _iter_removal_edits(signed: SignedLevel, gone: set[int]) -> Iterator[Edit]:
    scan, found = signed.scan, signed.level_signatures
    kept_ids = {each.signature.mac_id for each in found.signatures if each.start not in gone}
    signatures = [(each.start, each.end) for each in found.signatures]
    unused = [(each.start, each.end) for each in found.parameters if each.parameters.mac_id not in kept_ids]
    # parameters that no signature ever used go only when all signatures do
    if kept_ids:
        gone_ids = {each.signature.mac_id for each in found.signatures if each.start in gone}
        unused = [(each.start, each.end) for each in found.parameters if each.parameters.mac_id in gone_ids - kept_ids]
    yield from _iter_item_removals(scan, tags.MAC_PARAMETERS_SEQUENCE, unused, keep=len(found.parameters) - len(unused))
    yield from _iter_item_removals(
        scan,
        tags.DIGITAL_SIGNATURES_SEQUENCE,
        [each for each in signatures if each[0] in gone],
        keep=len(signatures) - len(gone),
    )


def _iter_item_removals(scan: LevelScanner, tag: int, items: list[tuple[int, int]], *, keep: int) -> Iterator[Edit]:
    """Take items out of a sequence, or the whole sequence if none is left."""
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
