"""What signatures say of the object as a whole: whether it is signed at all, and how much of it they protect."""

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
_MAX_NAME_LENGTH: Final = 100
"""Items that the message names, and characters of each."""


def object_findings(requested_location: Location | None, reports: Sequence[SignatureReport]) -> Iterator[Finding]:
    """A finding that keeps a file from being valid if all signatures are in items, and no item was asked about.

    Items move: a signed Data Set can become an item of another that nobody signed. A Digital Signature UID moves with
    its signature, so that only the location of an item, ``requested_location``, can say that the question is about the
    item alone.
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
        message=f"the object is not signed: no signature of its main data set was verified, only in {named}",
        where=str(MAIN),
        clause=_CLAUSE,
    )


def _shorten(place: str) -> str:
    return place if len(place) <= _MAX_NAME_LENGTH else f"{place[:_MAX_NAME_LENGTH]}..."


def compute_object_coverage(file: DicomFile, signatures: Sequence[SignatureReport]) -> ObjectCoverage | None:
    """What of the object is protected, as its coverage map has it.

    None if what is not verified cannot be read: no verdict depends on it.
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
    """How many elements there are, if a signature of the main Data Set covers all: the usual case needs no walk."""
    for each in signatures:
        coverage = each.coverage
        if coverage is None or coverage.unsigned or each.signature.location != MAIN:
            continue
        is_critical_left = any(is_critical(tag) for tag, _ in coverage.unsignable)
        if each.protects and not is_critical_left:
            return len(coverage.signed)
    return None
