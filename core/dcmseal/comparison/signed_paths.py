"""Find the signatures of an instance that cover an element."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from dcmseal import tags
from dcmseal.comparison.changes import ElementPath
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.findings import Aspect, Outcome
from dcmseal.location import Location
from dcmseal.macro.levels import find_level
from dcmseal.macro.read import read_parameters
from dcmseal.model.report import SignatureReport, VerificationReport

_ADDED_LATER: Final = frozenset({tags.CERTIFIED_TIMESTAMP_TYPE, tags.CERTIFIED_TIMESTAMP})
"""Elements of a signature's item that can be added without breaking the signature."""


class ComparedSignature(Struct, frozen=True, kw_only=True):
    """A signature of one of two compared instances."""

    uid: str
    location: Location
    integrity: Outcome


class _SignatureCoverage(Struct, frozen=True, kw_only=True):
    uid: str
    location: Location
    index: int
    mac_id: int | None
    signed: frozenset[int]
    """Tags that the signature lists and a MAC can cover."""


class SignedPaths:
    """The signatures of a verified instance, and the elements they cover."""

    def __init__(self, file: DicomFile, report: VerificationReport) -> None:
        self.signatures = tuple(_to_compared_signature(each) for each in report.signatures)
        self._coverage = tuple(_to_coverage(each) for each in report.signatures)
        self._file = file
        self._mac_ids: dict[Location, tuple[int | None, ...]] = {}

    def covering_uids(self, path: ElementPath) -> tuple[str, ...]:
        """Find the signatures that a change of an element breaks.

        Args:
            path: The path of the element.

        Returns:
            Digital Signature UIDs.
        """
        return tuple(dict.fromkeys(each.uid for each in self._coverage if self._covers(each, path)))

    def _covers(self, signature: _SignatureCoverage, path: ElementPath) -> bool:
        depth = len(signature.location.steps)
        inner = path.tags[depth:]
        if path.level.steps[:depth] != signature.location.steps or not inner:
            return False
        if inner[0] in tags.MACRO:
            return len(inner) > 1 and self._is_own_item(signature, path.level.steps[depth][1], inner)
        return inner[0] in signature.signed and not any(map(exclusion_reason, inner))

    def _is_own_item(self, signature: _SignatureCoverage, index: int, inner: tuple[int, ...]) -> bool:
        """Whether a path leads into the signature's own item, or into that of its MAC parameters."""
        if inner[0] == tags.DIGITAL_SIGNATURES_SEQUENCE:
            return index == signature.index and inner[1] not in _ADDED_LATER
        location = signature.location
        if location not in self._mac_ids:
            self._mac_ids[location] = tuple(_read_mac_ids(self._file, location))
        mac_ids = self._mac_ids[location]
        return index < len(mac_ids) and mac_ids[index] == signature.mac_id


def _to_compared_signature(report: SignatureReport) -> ComparedSignature:
    content = report.signature
    return ComparedSignature(uid=content.uid, location=content.location, integrity=report.outcome(Aspect.INTEGRITY))


def _to_coverage(report: SignatureReport) -> _SignatureCoverage:
    content = report.signature
    unsignable = {tag for tag, _ in report.coverage.unsignable} if report.coverage else set[int]()
    listed = content.mac.elements if content.mac else ()
    return _SignatureCoverage(
        uid=content.uid,
        location=content.location,
        index=content.index,
        mac_id=content.mac_id,
        signed=frozenset(tag for tag in listed if tag not in unsignable and not exclusion_reason(tag)),
    )


def _read_mac_ids(file: DicomFile, location: Location) -> Iterator[int | None]:
    scan = find_level(file, location).scanner().finish()
    for each in read_parameters(scan):
        yield each.parameters.mac_id
