"""Base RSA Digital Signature Profile (PS3.15 C.1), the common mechanism of the profiles of Annex C."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from dcmseal.findings import Finding
from dcmseal.plugins.profile import ProfiledDataset, Requirements, SignatureFacts
from dcmseal.plugins.profile_rules import requirement_findings, type_findings
from dcmseal.terms import KeyType, MacAlgorithm

MAC_ALGORITHMS: Final = frozenset(MacAlgorithm)
KEY_TYPES: Final = frozenset({KeyType.RSA})
_SECTION: Final = "PS3.15 C.1"
_REQUIREMENTS: Final = Requirements(mac_algorithms=MAC_ALGORITHMS, key_types=KEY_TYPES, clause=_SECTION)


class BaseRsa(Struct, frozen=True, kw_only=True):
    """An RSA key, one of the six MAC algorithms, an X.509 certificate, and optionally a timestamp of RFC 3161."""

    name: str = "base-rsa"
    title: str = "Base RSA Digital Signature Profile"
    reference: str = _SECTION

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        return _REQUIREMENTS

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        return base_findings(self.requirements(dataset), dataset, facts)


def base_findings(required: Requirements, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
    """Compare a signature with requirements that are based on this profile, like all in PS3.15 Annex C.

    Args:
        required: The requirements.
        dataset: The Data Set that is signed.
        facts: The signature.
    """
    return requirement_findings(required, dataset, facts) + type_findings(facts, required.clause)
