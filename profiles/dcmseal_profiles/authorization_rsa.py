"""Authorization RSA Digital Signature Profile (PS3.15 C.3), with which a person approves an instance.

>>> from dcmseal.testing.sample_dataset import IMAGE
>>> 0x00081010 in AuthorizationRsa().requirements(IMAGE).elements  # Station Name
False
"""

# Kept apart: one module for each profile.

from __future__ import annotations

from functools import cache
from typing import Final

from msgspec import Struct

from dcmseal.findings import Finding
from dcmseal.plugins.profile import ProfiledDataset, Requirements, SignatureFacts
from dcmseal_profiles.annex_c import AUTHORIZATION_MODULES
from dcmseal_profiles.base_rsa import KEY_TYPES, MAC_ALGORITHMS, base_findings
from dcmseal_profiles.creator_rsa import IDENTITY
from dcmseal_profiles.module_attributes import cite_clause, find_attributes

_SHOWN_ELEMENTS: Final = "all other elements whose values were shown to the approving person"


class AuthorizationRsa(Struct, frozen=True, kw_only=True):
    """Base RSA over the identity of the instance, the image, and everything shown to the approving person."""

    name: str = "authorization-rsa"
    title: str = "Authorization RSA Digital Signature Profile"
    reference: str = "PS3.15 C.3"

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        return _build_requirements(self.reference)

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        return base_findings(self.requirements(dataset), dataset, facts)


@cache
def _build_requirements(section: str) -> Requirements:
    listed = find_attributes(AUTHORIZATION_MODULES)
    return Requirements(
        elements=listed.elements | IDENTITY,
        mandatory=IDENTITY,
        recommended=listed.dropped,
        mac_algorithms=MAC_ALGORITHMS,
        key_types=KEY_TYPES,
        main_dataset_only=True,
        left_to_caller=_SHOWN_ELEMENTS,
        tables=listed.to_tables(dict.fromkeys(IDENTITY, f"list of {section}")),
        clause=cite_clause(section),
    )
