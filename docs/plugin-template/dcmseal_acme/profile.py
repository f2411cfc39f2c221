"""The Acme ECDSA Digital Signature Profile: EC keys and SHA-2, over the identity and the content of an object.

The profiles of PS3.15 Annex C require RSA. Anyone may define other profiles (PS3.15 6.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

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

_IDENTITY: Final = frozenset(
    {
        0x00080016,  # SOP Class UID
        0x00080018,  # SOP Instance UID
        0x00100020,  # Patient ID
        0x0020000D,  # Study Instance UID
        0x0020000E,  # Series Instance UID
    }
)
_CONTENT: Final = frozenset(
    {
        0x0040A730,  # Content Sequence
        0x7FE00010,  # Pixel Data
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeEcdsa:
    """ECDSA with SHA256, SHA384 or SHA512 over a whole object, not over an item."""

    name: str = "acme-ecdsa"
    title: str = "Acme ECDSA Digital Signature Profile"
    reference: str = "DICOM Conformance Statement of Acme, section 4"

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        """Return the same requirements for every Data Set; absent elements need not be signed."""
        return Requirements(
            elements=_IDENTITY | _CONTENT,
            mac_algorithms=frozenset({MacAlgorithm.SHA256, MacAlgorithm.SHA384, MacAlgorithm.SHA512}),
            key_types=frozenset({KeyType.EC}),
            main_dataset_only=True,
            clause=self.reference,
        )

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        """Compare a signature with the requirements."""
        return requirement_findings(self.requirements(dataset), dataset, facts) + type_findings(facts, self.reference)
