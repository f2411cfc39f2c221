"""Build the coverage map of a Data Set: all elements, and which signatures cover them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from dcmseal.coverage_map.map_result import ResultBuilder
from dcmseal.coverage_map.node_builder import NodeBuilder
from dcmseal.coverage_map.signature_cover import SignatureCover
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.walk import CLOSING_EVENTS, Event
from dcmseal.errors import DatasetError
from dcmseal.model.coverage_map import CoverageMap
from dcmseal.model.report import ObjectCoverage, SignatureReport, VerificationReport


class MapLimits(Struct, frozen=True, kw_only=True):
    """How large a coverage map may become."""

    entries: int = 1_000_000
    """Maximum number of elements, items and fragments that a map looks at one by one, to limit the time that it takes.

    Items that are like others before them do not count.
    """
    nodes: int = 10_000
    """Maximum number of elements in the tree after folding; typical objects have a few hundred."""
    unfolded_nodes: int = 50_000
    """The same without folding."""
    depth: int = 40
    """Maximum depth of the tree; deeper elements are only counted."""


DEFAULT_LIMITS: Final = MapLimits()


def build_map(
    file: DicomFile,
    report: VerificationReport,
    *,
    show_values: bool = False,
    fold: bool = True,
    limits: MapLimits = DEFAULT_LIMITS,
) -> CoverageMap:
    """Build the coverage map of a verified file.

    Args:
        file: The Data Set.
        report: The verification of its signatures.
        show_values: Include all values, even those that may identify the patient.
        fold: Fold items with the same structure and coverage.
        limits: How large the map may become.

    Returns:
        The map.

    Raises:
        Malformed: The Data Set cannot be parsed.
        DatasetError: The Data Set has more elements than can be mapped.
    """
    signature_cover = SignatureCover(report.signatures)
    max_nodes = limits.nodes if fold else limits.unfolded_nodes
    builder = NodeBuilder(file, signature_cover, max_nodes=max_nodes, max_depth=limits.depth, fold=fold)
    entries = 0
    for step in builder.iter_steps(file):
        entries += step.event is not Event.ITEM_END and step.event not in CLOSING_EVENTS
        if entries > limits.entries:
            raise DatasetError(
                f"the data set has more than {limits.entries} different elements, too many for a coverage map",
                hint="verify the file and count coverage instead",
            )
        builder.add_step(step)
    results = ResultBuilder(file.body, show_values=show_values)
    return CoverageMap(
        signatures=signature_cover.signatures,
        elements=tuple(results.element(node) for node in builder.nodes),
        totals=builder.totals,
        summary=builder.gaps.summary(),
        folded=builder.folding.folded,
        omitted=builder.omitted,
        values_shown=show_values,
    )


def count_coverage(file: DicomFile, signatures: Sequence[SignatureReport]) -> ObjectCoverage:
    """Count covered elements, without building a map.

    Args:
        file: The Data Set.
        signatures: The verified signatures.

    Returns:
        The summary that the map would have.

    Raises:
        Malformed: The Data Set cannot be parsed.
    """
    builder = NodeBuilder(file, SignatureCover(signatures), max_nodes=0)
    for step in builder.iter_steps(file):
        builder.add_step(step)
    return builder.gaps.summary()
