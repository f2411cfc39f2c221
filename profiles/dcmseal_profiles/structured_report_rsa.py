"""Structured Report RSA Digital Signature Profile (PS3.15 C.4), for reports and Key Object Selections.

>>> from dcmseal.testing.sample_dataset import REPORT
>>> StructuredReportRsa().requirements(REPORT).default_purpose  # it is VERIFIED
5
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from msgspec import Struct

from dcmseal import tags
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.plugins.profile import ProfiledDataset, Requirements, SignatureFacts
from dcmseal.terms import SignaturePurpose
from dcmseal_profiles.annex_c import STRUCTURED_REPORT_MODULES
from dcmseal_profiles.base_rsa import KEY_TYPES, MAC_ALGORITHMS, base_findings
from dcmseal_profiles.module_attributes import cite_clause, find_attributes

_IDENTITY: Final = frozenset({tags.SOP_CLASS_UID, tags.STUDY_INSTANCE_UID, tags.SERIES_INSTANCE_UID})
"""Not SOP Instance UID, which may change until the report is verified."""
_EVIDENCE: Final = frozenset({0x0040A375, 0x0040A385, 0x0040A360, 0x0040A032})
"""Current Requested Procedure Evidence, Pertinent Other Evidence, Predecessor Documents, Observation DateTime."""
_VERIFICATION_FLAG: Final = 0x0040A493
_VERIFYING_OBSERVER_SEQUENCE: Final = 0x0040A073
"""It contains Verification DateTime, the fourth element that the profile names."""
_VERIFICATION: Final = frozenset({tags.SOP_INSTANCE_UID, _VERIFICATION_FLAG, _VERIFYING_OBSERVER_SEQUENCE})
_DOCUMENT: Final = frozenset({0x0040A040, 0x0040A043, 0x0040A730})
"""Value Type, Concept Name Code Sequence and Content Sequence: the root of a content tree (PS3.3 C.17.3)."""
_ENCAPSULATED_DOCUMENT: Final = 0x00420011
_VERIFICATION_NAMES: Final = "SOP Instance UID, Verification Flag and Verifying Observer Sequence"
_NOTES: Final = (
    f"A VERIFIED document needs one signature of purpose 5, Verification Signature, that covers {_VERIFICATION_NAMES}.",
    "The profile is for documents with at most one Verifying Observer.",
)


class StructuredReportRsa(Struct, frozen=True, kw_only=True):
    """Base RSA over content and evidence of a report, with a purpose; for VERIFIED ones, a Verification Signature."""

    name: str = "structured-report-rsa"
    title: str = "Structured Report RSA Digital Signature Profile"
    reference: str = "PS3.15 C.4"

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        return build_requirements(self.reference, inapplicable_reason(dataset), is_verified(dataset))

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        return base_findings(self.requirements(dataset), dataset, facts)

    def check_all(self, dataset: ProfiledDataset, signatures: Sequence[SignatureFacts]) -> tuple[Finding, ...]:
        """Check that a VERIFIED document has a Verification Signature that covers the verification."""
        if not dataset.is_main or not is_verified(dataset) or inapplicable_reason(dataset):
            return ()
        complete = frozenset(dataset.tags) >= _VERIFICATION
        if complete and any(_is_verification(facts) for facts in signatures if not self.check(dataset, facts)):
            return ()
        return (
            Finding(
                aspect=Aspect.CONFORMANCE,
                outcome=Outcome.FAILED,
                code="verification-signature-missing",
                message="the document is VERIFIED, but no Verification Signature (purpose 5) covers "
                f"{_VERIFICATION_NAMES}",
                clause=cite_clause(self.reference),
            ),
        )


def is_verified(dataset: ProfiledDataset) -> bool:
    """Whether the Verification Flag (0040,A493) is VERIFIED."""
    return dataset.text(_VERIFICATION_FLAG) == "VERIFIED"


def _is_verification(facts: SignatureFacts) -> bool:
    return facts.purpose == SignaturePurpose.VERIFICATION and facts.elements >= _VERIFICATION


def inapplicable_reason(dataset: ProfiledDataset) -> str:
    """Return why the profile does not apply to the document; empty if it does."""
    present = frozenset(dataset.tags)
    if not present >= _DOCUMENT or _ENCAPSULATED_DOCUMENT in present:
        return "the Data Set is not an SR or Key Object Selection document"
    if (dataset.count_items(_VERIFYING_OBSERVER_SEQUENCE) or 0) > 1:
        return "the document has several Verifying Observers, but the profile allows at most one"
    return ""


@cache
def build_requirements(section: str, inapplicable: str, verified: bool) -> Requirements:  # noqa: FBT001 - a key of the cache
    """Build the requirements of the profile.

    Args:
        section: The section of the standard that they cite.
        inapplicable: Why the profile does not apply; empty if it does.
        verified: Whether the document is VERIFIED.
    """
    listed = find_attributes(STRUCTURED_REPORT_MODULES)
    named = dict.fromkeys(_IDENTITY | _EVIDENCE, f"list of {section}")
    return Requirements(
        elements=listed.elements | _IDENTITY | _EVIDENCE,
        mandatory=_IDENTITY,
        recommended=listed.dropped | _VERIFICATION if verified else listed.dropped,
        mac_algorithms=MAC_ALGORITHMS,
        key_types=KEY_TYPES,
        purpose_required=True,
        default_purpose=SignaturePurpose.VERIFICATION.value if verified else None,
        main_dataset_only=True,
        inapplicable=inapplicable,
        notes=_NOTES,
        tables=listed.to_tables(named),
        clause=cite_clause(section),
    )
