"""A Digital Signature Profile with EC keys and long digests."""

from __future__ import annotations

from dataclasses import dataclass

from dcmseal.plugins import (
    Finding,
    KeyType,
    MacAlgorithm,
    ProfiledDataset,
    Requirements,
    SignatureFacts,
    requirement_findings,
    type_findings,
)

PATIENT_ID = 0x00100020
SOP_INSTANCE_UID = 0x00080018
PIXEL_DATA = 0x7FE00010


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleEcdsa:
    """Patient ID, SOP Instance UID and Pixel Data, if present, signed with ECDSA over SHA384 or SHA512."""

    name: str = "example-ecdsa"
    title: str = "Example ECDSA Digital Signature Profile"
    reference: str = "conformance statement of the example, section 1"

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        return Requirements(
            elements=frozenset({PATIENT_ID, SOP_INSTANCE_UID, PIXEL_DATA}),
            mac_algorithms=frozenset({MacAlgorithm.SHA384, MacAlgorithm.SHA512}),
            key_types=frozenset({KeyType.EC}),
            clause=self.reference,
        )

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        return requirement_findings(self.requirements(dataset), dataset, facts) + type_findings(facts, self.reference)
