"""Recognize signatures in formats that only other software defines, so that they are not reported as corrupt."""

from __future__ import annotations

from typing import Final

from dcmseal import tags
from dcmseal.dataset.header import ElementKind
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.macro.read import LevelSignatures, iter_items
from dcmseal.tags import format_tag

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
"""Attributes that are meaningful only in items of the two sequences."""
_PARAMETERS: Final = frozenset(
    {
        tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID,
        tags.MAC_ALGORITHM,
        tags.DATA_ELEMENTS_SIGNED,
        tags.MAC_PARAMETERS_SEQUENCE,
    }
)
"""MAC Parameters Sequence and its attributes, which do not belong in a signature's item."""


def nonstandard_signature_findings(scan: LevelScanner, level_signatures: LevelSignatures) -> list[Finding]:
    """Report signatures in a nonstandard format.

    Args:
        scan: A complete scan of the level.
        level_signatures: Its standard signatures.

    Returns:
        Findings of aspect FORM.
    """
    findings: list[Finding] = []
    flat = sorted(_ITEM_ONLY.intersection(scan.tags)) or sorted(
        _ITEM_ONLY.intersection(_original_attributes_tags(scan))
    )
    if flat:
        message = "attributes of a signature are outside any signature item: this is not a DICOM Digital Signature"
        findings.append(_nonstandard_finding("flat-signature", message, " ".join(map(format_tag, flat))))
    for each in level_signatures.signatures:
        if each.signature.mac is None and not _PARAMETERS.isdisjoint(each.item.tags):
            inside = sorted(_PARAMETERS.intersection(each.item.tags))
            message = "MAC parameters are inside the signature item: this is not a DICOM Digital Signature"
            findings.append(_nonstandard_finding("parameters-in-item", message, " ".join(map(format_tag, inside))))
    return findings


def _original_attributes_tags(scan: LevelScanner) -> list[int]:
    """Return the tags in Original Attributes Sequence, which some software uses for signatures."""
    index = scan.special_index(tags.ORIGINAL_ATTRIBUTES_SEQUENCE)
    if index is None or scan.kinds.get(index) is not ElementKind.SEQUENCE:
        return []
    _, _, item = next(iter_items(scan, index), (0, 0, None))
    return item.tags if item else []


def _nonstandard_finding(code: str, message: str, where: str) -> Finding:
    return Finding(
        aspect=Aspect.FORM,
        outcome=Outcome.UNKNOWN,
        code=code,
        message=message,
        where=where,
        clause="PS3.3 C.12.1.1.3",
    )
