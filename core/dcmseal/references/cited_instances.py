"""Read the references of a document: the instances that it cites as evidence (PS3.3 C.17.2.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from dcmseal import tags
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.errors import Malformed
from dcmseal.location import Location
from dcmseal.macro.levels import Level, iter_item_levels, main_level
from dcmseal.macro.read import ItemValues, iter_items, read_mac_parameters
from dcmseal.model.signature import MacParameters
from dcmseal.tags import format_tag
from dcmseal.verification.conformance import order_findings

_MAX_CITED: Final = 100_000
"""Maximum number of instances that are read."""
_MAX_SIGNATURES: Final = 64
"""Maximum number of signatures that may be cited for one instance."""


class CitedMac(Struct, frozen=True, kw_only=True):
    """An item of Referenced SOP Instance MAC Sequence (0400,0403); its parameters have no MAC ID Number."""

    parameters: MacParameters
    value: bytes


class CitedSignature(Struct, frozen=True, kw_only=True):
    """An item of Referenced Digital Signature Sequence (0400,0402)."""

    uid: str
    value: bytes


class CitedInstance(Struct, frozen=True, kw_only=True):
    """An item of Referenced SOP Sequence (0008,1199), which cites one instance."""

    level: Level
    item: LevelScanner
    uid: str
    """Referenced SOP Instance UID (0008,1155)."""
    mac: CitedMac | None
    signatures: tuple[CitedSignature, ...]
    problems: tuple[str, ...]
    """What is malformed, in words."""

    @property
    def location(self) -> Location:
        """Location of the item in the document."""
        return self.level.location

    @property
    def evidence(self) -> int:
        """Tag of the evidence sequence that contains the item."""
        return self.location.steps[0][0]

    @property
    def is_protected(self) -> bool:
        """Whether the item has a MAC or signatures, even malformed ones."""
        return self.mac is not None or bool(self.signatures) or bool(self.problems)


def iter_cited_instances(file: DicomFile) -> Iterator[CitedInstance]:
    """Iterate over the instances that the main Data Set cites as evidence.

    Args:
        file: The document.

    Raises:
        Malformed: The sequences cannot be parsed, or cite too many instances.
    """
    main = main_level(file)
    scan = main.scanner().finish()
    count = 0
    for tag in tags.EVIDENCE:
        for study, studies in _iter_sequence_items(main, scan, tag):
            for series, instances in _iter_sequence_items(study, studies, tags.REFERENCED_SERIES_SEQUENCE):
                for level, item in _iter_sequence_items(series, instances, tags.REFERENCED_SOP_SEQUENCE):
                    count += 1
                    if count > _MAX_CITED:
                        raise Malformed(f"more than {_MAX_CITED} instances are cited", level.start)
                    yield _read_cited_instance(level, item)


def _iter_sequence_items(level: Level, scan: LevelScanner, tag: int) -> Iterator[tuple[Level, LevelScanner]]:
    index = _find_sequence(scan, tag)
    return iter(()) if index is None else iter_item_levels(level, scan, index, _MAX_CITED)


def _find_sequence(scan: LevelScanner, tag: int) -> int | None:
    """Find the index of an optional sequence; raise Malformed if its VR is not SQ or it occurs twice."""
    index = scan.index(tag)
    if index is not None and (scan.header(index).vr != b"SQ" or scan.tags.count(tag) > 1):
        raise Malformed(f"{format_tag(tag)} is not a sequence or occurs twice", scan.starts[index])
    return index


def _read_cited_instance(level: Level, item: LevelScanner) -> CitedInstance:
    problems = [each.message for each in order_findings(item)]
    uid = ItemValues(item).text(tags.REFERENCED_SOP_INSTANCE_UID)
    if not uid:
        problems.append("Referenced SOP Instance UID is missing")
    macs = _read_macs(item, problems)
    return CitedInstance(
        level=level,
        item=item,
        uid=uid,
        mac=macs[0] if len(macs) == 1 else None,
        signatures=_read_signatures(item, problems),
        problems=tuple(problems),
    )


def _read_macs(item: LevelScanner, problems: list[str]) -> list[CitedMac]:
    index = _find_sequence(item, tags.REFERENCED_SOP_INSTANCE_MAC_SEQUENCE)
    if index is None:
        return []
    macs: list[CitedMac] = []
    for _, _, each in iter_items(item, index, _MAX_SIGNATURES):
        problems.extend(problem.message for problem in order_findings(each))
        macs.append(CitedMac(parameters=read_mac_parameters(each), value=ItemValues(each)[tags.MAC]))
    if len(macs) != 1:
        problems.append(f"Referenced SOP Instance MAC Sequence has {len(macs)} items, not one")
    if not all(mac.value and mac.parameters.elements for mac in macs):
        problems.append("Referenced SOP Instance MAC Sequence has an empty MAC or lists no elements")
    return macs


def _read_signatures(item: LevelScanner, problems: list[str]) -> tuple[CitedSignature, ...]:
    index = _find_sequence(item, tags.REFERENCED_DIGITAL_SIGNATURE_SEQUENCE)
    if index is None:
        return ()
    signatures: list[CitedSignature] = []
    for _, _, each in iter_items(item, index, _MAX_SIGNATURES):
        problems.extend(problem.message for problem in order_findings(each))
        values = ItemValues(each)
        signatures.append(CitedSignature(uid=values.text(tags.DIGITAL_SIGNATURE_UID), value=values[tags.SIGNATURE]))
    if not signatures:
        problems.append("Referenced Digital Signature Sequence has no items")
    if not all(each.uid and each.value for each in signatures):
        problems.append("Referenced Digital Signature Sequence has an item without UID or value")
    return tuple(signatures)
