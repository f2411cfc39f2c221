"""Compute the MAC of a cited instance: a digest over its elements only (PS3.3 Table C.17-3a)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.dataset.edits import apply_edits
from dcmseal.dataset.padding import build_padding_edits, has_excess_padding
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dataset.transfer_syntax import TransferSyntax
from dcmseal.mac.digest import new_digest
from dcmseal.mac.level_pass import LevelPass, MacJob
from dcmseal.mac.mac_encoder import MacEncoder
from dcmseal.mac.stream_common import ExcessPadding
from dcmseal.mac.vr_context import VrRules
from dcmseal.macro.levels import main_level
from dcmseal.references.cited_instances import CitedMac
from dcmseal.tags import PIXEL_DATA
from dcmseal.terms import MacAlgorithm
from dcmseal.verification.mac_binding import FragmentBoundaries, check_structure

_VR_RULES: Final = tuple(
    VrRules(inherit_pixel_representation=inherit, signed_descriptors=descriptors, bytes_for_8_bits=eight)
    for inherit, descriptors, eight in product((False, True), repeat=3)
)
"""All rules for VRs that Implicit VR leaves open; dcmseal uses the first for new MACs."""


class InstanceMac(Struct, frozen=True, kw_only=True):
    """A MAC over elements of an instance."""

    value: bytes
    elements: tuple[int, ...]
    """Tags of the elements that can be part of a MAC."""
    unsignable: tuple[tuple[int, str], ...]
    """Elements that cannot be part of a MAC, with reasons."""
    listed_unsignable: tuple[tuple[int, str], ...]
    """Those of ``unsignable`` that the document lists."""
    ambiguous: bool
    """Whether the VRs of some elements were derived from their context."""


def compute_instance_mac(
    file: DicomFile,
    algorithm: MacAlgorithm,
    listed: frozenset[int] | None = None,
    rules: VrRules = _VR_RULES[0],
    *,
    check_padding: bool = False,
) -> InstanceMac:
    """Compute the MAC over elements of the main Data Set.

    Args:
        file: The instance.
        algorithm: The MAC algorithm.
        listed: Tags of the elements; None for all that can be part of a MAC.
        rules: Rules for VRs that Implicit VR leaves open.
        check_padding: Refuse values with excess padding.

    Returns:
        The MAC.

    Raises:
        DatasetError: The Data Set cannot be parsed, or its elements are out of order or occur twice.
        MechanismUnavailable: The digest algorithm is not available.
        ExcessPadding: ``check_padding`` is set, and a value has excess padding.
    """
    level = main_level(file)
    scan = level.scanner()
    job = MacJob(tags=listed, digest=new_digest(algorithm))
    encoder = MacEncoder(source=level.source, encoding=level.encoding, rules=rules, check_padding=check_padding)
    facts = LevelPass(scan, encoder, lambda _: (job,)).run()
    if check_padding and has_excess_padding(scan):
        raise ExcessPadding
    check_structure(file, scan, FragmentBoundaries(scan, facts), facts.coverage_predicate(job))
    return InstanceMac(
        value=job.digest.digest(),
        elements=tuple([tag for tag in scan.tags if tag not in facts.unsignable]),
        unsignable=tuple((tag, why) for tag, why in facts.unsignable.items() if not exclusion_reason(tag)),
        listed_unsignable=tuple(job.unsignable),
        ambiguous=encoder.notes.ambiguous,
    )


def match_mac(file: DicomFile, cited: CitedMac, algorithm: MacAlgorithm) -> tuple[InstanceMac, bool]:
    """Compute the MAC over the elements that a document lists, and compare it with the cited one.

    As with signatures, padding and the rules for VRs that Implicit VR leaves open may differ.

    Args:
        file: The instance.
        cited: The MAC in the document.
        algorithm: Its MAC algorithm.

    Returns:
        The computed MAC, and whether it or a variant matches.

    Raises:
        DatasetError: The Data Set cannot be parsed, or its elements are out of order or occur twice.
        MechanismUnavailable: The digest algorithm is not available.
    """
    listed = frozenset(cited.parameters.elements)
    plain = compute_instance_mac(file, algorithm, listed)
    for variant in _iter_variants(file, algorithm, listed, plain):
        if variant.value == cited.value:
            return plain, True
    return plain, False


def _iter_variants(
    file: DicomFile, algorithm: MacAlgorithm, listed: frozenset[int], plain: InstanceMac
) -> Iterator[InstanceMac]:
    yield plain
    edits, _ = build_padding_edits(file.body, file.start, file.end, file.encoding, only_padding=True)
    minimal = replace(file, body=apply_edits(file.body, edits)) if edits else None
    if minimal is not None:
        yield compute_instance_mac(minimal, algorithm, listed)
    if plain.ambiguous:
        for rules in _VR_RULES[1:]:
            yield compute_instance_mac(file, algorithm, listed, rules)
            if minimal is not None:
                yield compute_instance_mac(minimal, algorithm, listed, rules)


def is_other_representation(file: DicomFile, cited: CitedMac) -> bool:
    """Whether the pixels were compressed or decompressed since they were cited, so that the MACs cannot match."""
    cited_syntax = TransferSyntax(cited.parameters.transfer_syntax)
    is_compressed = cited_syntax.is_encapsulated or file.syntax.is_encapsulated
    return PIXEL_DATA in cited.parameters.elements and is_compressed and cited_syntax.uid != file.syntax.uid
