"""Determine which elements of its level a signature covers, from the elements that are present."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from dcmseal import tags
from dcmseal.dataset.critical_tags import is_critical
from dcmseal.dataset.header import ElementKind
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.macro.level_macs import MAX_MACS, LevelMacs
from dcmseal.model.report import Coverage
from dcmseal.model.signature import DigitalSignature
from dcmseal.tags import format_tag, format_tags, is_ascending

if TYPE_CHECKING:
    from dcmseal.mac.level_pass import MacJob

_NEVER_SIGNED_GROUPS: Final = frozenset({0x0001, 0x0003, 0x0004, 0x0005, 0x0007})
_SIGNATURES_GROUP: Final = 0xFFFA


def unsigned_group_findings(scan: LevelScanner) -> Iterator[Finding]:
    """Report elements of groups that are never signed.

    ``dataset.structure`` reports those that readers interpret differently.

    Args:
        scan: A complete scan of the level.

    Returns:
        Findings of aspect COVERAGE.
    """
    for index, kind in scan.kinds.items():
        tag = scan.tags[index]
        if kind is not ElementKind.EXCLUDED or not tag & 0xFFFF:
            continue
        where = format_tag(tag)
        message = f"{where} belongs to a group that is never signed"
        if tag >> 16 in _NEVER_SIGNED_GROUPS:
            yield _unsigned_group_finding("element-out-of-place", message, where)
        elif tag >> 16 == _SIGNATURES_GROUP and tag not in tags.MACRO:
            yield _unsigned_group_finding("element-never-signed", message, where)


def _unsigned_group_finding(code: str, message: str, where: str) -> Finding:
    return Finding(
        aspect=Aspect.COVERAGE,
        outcome=Outcome.UNKNOWN,
        code=code,
        message=message,
        where=where,
        clause="PS3.3 C.12.1.1.3.1.1",
    )


_CLAUSE: Final = "PS3.3 C.12.1.1.3.1.1"


def compute_coverage(signature: DigitalSignature, macs: LevelMacs) -> Coverage:
    """Compare the elements that a signature lists with those that are present.

    Args:
        signature: The signature.
        macs: The MACs of its level.
    """
    listed = macs.listed_tags(signature.mac)
    signable = macs.signable
    unsignable = tuple((tag, why) for tag, why in macs.facts.unsignable.items() if not exclusion_reason(tag))
    if signature.mac is not None and signature.mac.elements == signable:
        return Coverage(signed=signable, unsignable=unsignable)
    absent = () if len(listed) == len(signable) else tuple(sorted(listed.difference(macs.scan.tags)))
    if listed.issuperset(signable):
        return Coverage(signed=signable, unsignable=unsignable, absent=absent)
    unsigned = tuple(tag for tag in signable if tag not in listed)
    return Coverage(
        signed=tuple(tag for tag in signable if tag in listed),
        unsigned=unsigned,
        unsignable=unsignable,
        absent=tuple(sorted(listed.difference(macs.scan.tags))),
        critical=tuple(tag for tag in unsigned if is_critical(tag)),
    )


class ListedElements(Struct, frozen=True, kw_only=True):
    """Data Elements Signed (0400,0020), compared with the elements of its level."""

    coverage: Coverage
    signed: frozenset[int]
    """Listed tags that are present and can be signed."""
    forbidden: tuple[int, ...]
    """Listed tags that must never be signed."""
    in_order: bool
    """Whether the tags are in the order of the Data Set, without repetitions."""


class ElementLists:
    """Evaluates the lists of signed elements of a level's signatures, each different list once.

    Args:
        macs: The MACs of the level.
        in_order: Whether the elements of the level are in ascending order.
    """

    def __init__(self, macs: LevelMacs, *, in_order: bool) -> None:
        self._macs = macs
        self._in_order = in_order
        self._known: dict[MacJob | tuple[int, ...], ListedElements] = {}

    def lookup(self, signature: DigitalSignature) -> ListedElements | None:
        """Evaluate the list of a signature; returns None if the level has too many different lists.

        Args:
            signature: The signature.
        """
        elements = signature.mac.elements if signature.mac else ()
        key = self._macs.find_job(signature.mac) or elements
        known = self._known.get(key)
        if known is None and len(self._known) < MAX_MACS:
            known = self._known[key] = self._compute(signature, elements)
        return known

    def _compute(self, signature: DigitalSignature, elements: tuple[int, ...]) -> ListedElements:
        coverage = compute_coverage(signature, self._macs)
        if coverage.signed == elements:
            # the usual case: the list contains only elements that are present and can be signed
            signed = self._macs.listed_tags(signature.mac)
            in_order = self._in_order or is_ascending(elements)
            return ListedElements(coverage=coverage, signed=signed, forbidden=(), in_order=in_order)
        return ListedElements(
            coverage=coverage,
            signed=frozenset(coverage.signed),
            forbidden=tuple(tag for tag in dict.fromkeys(elements) if exclusion_reason(tag)),
            in_order=is_ascending(elements),
        )


def coverage_findings(coverage: Coverage) -> list[Finding]:
    """Report which elements of the level are not covered.

    Args:
        coverage: The coverage of a signature.

    Returns:
        Findings of aspect COVERAGE; one with outcome FAILED only if no element is covered.
    """
    findings: list[Finding] = []
    if not coverage.signed:
        findings.append(_finding(Outcome.FAILED, "covers-nothing", "the signature covers no element of the data set"))
    if coverage.critical:
        message = "critical elements of this level are not signed"
        findings.append(_finding(Outcome.UNKNOWN, "critical-unsigned", message, coverage.critical))
    if coverage.unsigned:
        message = f"{_format_count(coverage.unsigned)} not signed: changes and additions go unnoticed"
        findings.append(_finding(Outcome.UNKNOWN, "elements-unsigned", message, coverage.unsigned))
    if coverage.unsignable:
        elements = tuple(tag for tag, _ in coverage.unsignable)
        message = f"{_format_count(elements)} not signable: changes go unnoticed"
        findings.append(_finding(Outcome.UNKNOWN, "elements-unsignable", message, elements))
    if coverage.absent:
        message = f"{_format_count(coverage.absent)} listed as signed, but missing"
        findings.append(_finding(Outcome.UNKNOWN, "listed-but-absent", message, coverage.absent))
    return findings or [_COVERS_ALL]


def _format_count(elements: tuple[int, ...]) -> str:
    return "1 element is" if len(elements) == 1 else f"{len(elements)} elements are"


def _finding(outcome: Outcome, code: str, message: str, where: tuple[int, ...] = ()) -> Finding:
    shown = format_tags(where)
    return Finding(aspect=Aspect.COVERAGE, outcome=outcome, code=code, message=message, where=shown, clause=_CLAUSE)


_COVERS_ALL: Final = _finding(Outcome.PASSED, "covers-all", "every element that can be signed is signed")
