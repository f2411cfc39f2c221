"""Things that look like Digital Signatures but are not formed as the standard demands: named, not called corrupt."""

from __future__ import annotations

from typing import Final

from dcmseal import tags
from dcmseal.dataset.header import Kind
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.engine.reading import LevelSignatures, sequence_items
from dcmseal.report import Aspect, Finding, Outcome
from dcmseal.tags import tag_text

_ITEM_ONLY: Final = frozenset(
    {
        tags.MAC_ID_NUMBER,
        tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID,
        tags.MAC_ALGORITHM,
        tags.DATA_ELEMENTS_SIGNED,
        tags.DIGITAL_SIGNATURE_UID,
        tags.DIGITAL_SIGNATURE_DATETIME,
        tags.CERTIFICATE_TYPE,
        tags.CERTIFICATE_OF_SIGNER,
        tags.SIGNATURE,
    }
)
"""Attributes that have a meaning only inside the items of the two sequences."""
_PARAMETERS: Final = frozenset(
    {
        tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID,
        tags.MAC_ALGORITHM,
        tags.DATA_ELEMENTS_SIGNED,
        tags.MAC_PARAMETERS_SEQUENCE,
    }
)
"""Attributes of MAC Parameters Sequence, and the sequence itself: none of them belongs into a signature item."""


def lookalike_findings(scan: LevelScanner, found: LevelSignatures) -> list[Finding]:
    """Findings about a level that carries a look-alike; empty if it does not."""
    findings: list[Finding] = []
    flat = sorted(_ITEM_ONLY.intersection(scan.tags)) or sorted(_ITEM_ONLY.intersection(_original_attributes(scan)))
    if flat:
        message = "attributes of a signature stand outside any signature item: this is no DICOM Digital Signature"
        findings.append(_lookalike("flat-signature", message, " ".join(map(tag_text, flat))))
    for each in found.signatures:
        if each.signature.mac is None and not _PARAMETERS.isdisjoint(each.item.tags):
            inside = sorted(_PARAMETERS.intersection(each.item.tags))
            message = "MAC parameters stand inside the signature item: this is no DICOM Digital Signature"
            findings.append(_lookalike("parameters-in-item", message, " ".join(map(tag_text, inside))))
    return findings


def _original_attributes(scan: LevelScanner) -> list[int]:
    """Tags in Original Attributes Sequence, which some software takes for a sequence of signatures."""
    index = scan.special_index(tags.ORIGINAL_ATTRIBUTES_SEQUENCE)
    if index is None or scan.kinds.get(index) is not Kind.SEQUENCE:
        return []
    _, _, item = next(sequence_items(scan, index), (0, 0, None))
    return item.tags if item else []


def _lookalike(code: str, message: str, where: str) -> Finding:
    return Finding(
        aspect=Aspect.FORM,
        outcome=Outcome.UNKNOWN,
        code=code,
        message=message,
        where=where,
        clause="PS3.3 C.12.1.1.3",
    )
