"""Convert coverage maps to values of JSON documents."""

from __future__ import annotations

from dcmseal.dictionary import tag_keyword
from dcmseal.documents.document_parts import object_coverage_value
from dcmseal.documents.json_types import Document
from dcmseal.model.coverage_map import CoverageMap, CoverageTotals, MappedElement, MappedItem, MappedSignature


def map_value(coverage: CoverageMap) -> Document:
    """Convert a coverage map."""
    return {
        "signatures": [_signature(each) for each in coverage.signatures],
        "coverage": object_coverage_value(coverage.summary),
        "totals": _totals(coverage.totals),
        "folded": coverage.folded,
        "omitted": coverage.omitted,
        "values_shown": coverage.values_shown,
        "elements": [_element(each) for each in coverage.elements],
    }


def _signature(signature: MappedSignature) -> Document:
    return {
        "number": signature.number,
        "uid": signature.uid,
        "location": signature.location,
        "verdict": signature.verdict.value,
        "protects": signature.is_valid,
    }


def _totals(totals: CoverageTotals) -> Document:
    return {
        "elements": totals.elements,
        "covered": totals.covered,
        "broken": totals.broken,
        "partly": totals.partly,
        "uncovered": totals.uncovered,
        "unsignable": totals.unsignable,
        "critical_uncovered": totals.open,
    }


def _element(element: MappedElement) -> Document:
    return {
        "tag": f"{element.tag:08X}",
        "keyword": tag_keyword(element.tag) or "",
        "vr": element.vr,
        "cover": element.cover.value,
        "covered_by": [*element.covered_by],
        "broken_by": [*element.broken_by],
        "reason": element.why,
        "critical": element.critical,
        "value": None if element.redacted else element.value,
        "count": element.count,
        "items": [_item(each) for each in element.items],
    }


def _item(item: MappedItem) -> Document:
    return {
        "ranges": [[first, last] for first, last in item.ranges],
        "count": item.count,
        "elements": [_element(each) for each in item.elements],
    }
