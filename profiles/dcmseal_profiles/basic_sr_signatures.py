"""Basic SR Digital Signatures Secure Use Profile (PS3.15 A.4), for reports that bind their evidence.

>>> from dcmseal.testing.sample_dataset import REPORT
>>> BasicSrSignatures().requirements(REPORT).clause
'PS3.15 A.4 (lists of PS3.15 2023b, tables of PS3.3 2024c)'
"""

# Kept apart: one module for each profile.

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dcmseal import tags
from dcmseal.findings import Finding
from dcmseal.plugins.profile import ProfiledDataset, Requirements, SignatureFacts
from dcmseal_profiles.base_rsa import base_findings
from dcmseal_profiles.module_attributes import cite_clause
from dcmseal_profiles.structured_report_rsa import (
    StructuredReportRsa,
    build_requirements,
    inapplicable_reason,
    is_verified,
)

_REPORT: Final = StructuredReportRsa()
_REFERENCES: Final = frozenset({tags.REFERENCED_DIGITAL_SIGNATURE_SEQUENCE, tags.REFERENCED_SOP_INSTANCE_MAC_SEQUENCE})
_INSTANCES: Final = (tags.REFERENCED_SERIES_SEQUENCE, tags.REFERENCED_SOP_SEQUENCE)
_NOTE: Final = "Every instance that is cited as evidence must be accompanied by its signatures or its MAC."


class BasicSrSignatures(Struct, frozen=True, kw_only=True):
    """Structured Report RSA, with evidence that is cited by signatures or MACs."""

    name: str = "basic-sr-signatures"
    title: str = "Basic SR Digital Signatures Secure Use Profile"
    reference: str = "PS3.15 A.4"

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        required = _build_requirements(self.reference, inapplicable_reason(dataset), is_verified(dataset))
        missing = "" if required.inapplicable else _find_missing_references(dataset)
        return replace(required, inapplicable=missing) if missing else required

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        return base_findings(self.requirements(dataset), dataset, facts)

    def check_all(self, dataset: ProfiledDataset, signatures: Sequence[SignatureFacts]) -> tuple[Finding, ...]:
        """Check the rule of PS3.15 C.4 for VERIFIED documents."""
        return _REPORT.check_all(dataset, signatures)


@cache
def _build_requirements(section: str, inapplicable: str, verified: bool) -> Requirements:  # noqa: FBT001 - a key of the cache
    required = build_requirements(_REPORT.reference, inapplicable, verified)
    return replace(required, notes=(*required.notes, _NOTE), clause=cite_clause(section))


def _find_missing_references(dataset: ProfiledDataset) -> str:
    """Describe what is missing in the citations of evidence; empty if nothing is."""
    count = sum(dataset.count_lacking((evidence, *_INSTANCES), _REFERENCES) for evidence in tags.EVIDENCE)
    if not count:
        return ""
    return (
        f"{count} of the instances cited as evidence have neither Referenced Digital Signature Sequence nor "
        "Referenced SOP Instance MAC Sequence: add one of them to each before you sign the document"
    )
