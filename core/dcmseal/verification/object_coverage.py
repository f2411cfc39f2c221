"""Determine whether the object as a whole is signed, and how many of its elements are covered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dcmseal.dataset.critical_tags import is_critical
from dcmseal.dataset.part10 import DicomFile
from dcmseal.errors import DatasetError
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.location import MAIN, Location
from dcmseal.model.report import ObjectCoverage, SignatureReport

_CLAUSE: Final = "PS3.3 C.12.1.1.3"
_MAX_NAMED: Final = 3
"""Maximum number of items that the message names."""
_MAX_NAME_LENGTH: Final = 100


def object_findings(requested_location: Location | None, reports: Sequence[SignatureReport]) -> Iterator[Finding]:
    """Report that the object is not signed if all verified signatures are in items.

    A signed item can be moved into an unsigned object, together with the Digital Signature UID. So a file with such
    signatures is valid only if the caller asked about the location of an item.

    Args:
        requested_location: The location that the caller asked about; None for the whole file.
        reports: The verified signatures.

    Returns:
        Findings of aspect COVERAGE.
    """
    if requested_location is not None or any(each.signature.location == MAIN for each in reports):
        return
    places = list(dict.fromkeys(each.signature.location for each in reports))
    named = ", ".join(_shorten(str(each)) for each in places[:_MAX_NAMED])
    named += f" and {len(places) - _MAX_NAMED} more" if len(places) > _MAX_NAMED else ""
    yield Finding(
        aspect=Aspect.COVERAGE,
        outcome=Outcome.UNKNOWN,
        code="object-not-signed",
        message=f"the object is not signed: the verified signatures are only in {named}",
        where=str(MAIN),
        clause=_CLAUSE,
    )


def _shorten(place: str) -> str:
    return place if len(place) <= _MAX_NAME_LENGTH else f"{place[:_MAX_NAME_LENGTH]}..."


def compute_object_coverage(file: DicomFile, signatures: Sequence[SignatureReport]) -> ObjectCoverage | None:
    """Count the elements of the object that signatures cover, with the same result as its coverage map.

    Args:
        file: The file.
        signatures: Its verified signatures.

    Returns:
        The coverage; None if the parts of the file that were not verified cannot be parsed.
    """
    everything = _count_without_walk(signatures)
    if everything is not None:
        return ObjectCoverage(covered=everything, elements=everything)
    from dcmseal.coverage_map.map_builder import count_coverage

    try:
        return count_coverage(file, signatures)
    except DatasetError:
        return None


def _count_without_walk(signatures: Sequence[SignatureReport]) -> int | None:
    """Count the elements without walking the Data Set, if one signature covers all of them, as is usual."""
    for each in signatures:
        coverage = each.coverage
        if coverage is None or coverage.unsigned or each.signature.location != MAIN:
            continue
        is_critical_left = any(is_critical(tag) for tag, _ in coverage.unsignable)
        if each.protects and not is_critical_left:
            return len(coverage.signed)
    return None
