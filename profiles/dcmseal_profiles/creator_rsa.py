"""Creator RSA Digital Signature Profile (PS3.15 C.2), for signatures of the equipment that created an instance.

>>> from dcmseal.testing.sample_dataset import IMAGE
>>> 0x7FE00010 in CreatorRsa().requirements(IMAGE).elements
True
"""

from __future__ import annotations

from functools import cache
from typing import Final

from msgspec import Struct

from dcmseal import tags
from dcmseal.findings import Finding
from dcmseal.plugins.profile import ProfiledDataset, Requirements, SignatureFacts
from dcmseal_profiles.annex_c import CREATOR_MODULES
from dcmseal_profiles.base_rsa import KEY_TYPES, MAC_ALGORITHMS, base_findings
from dcmseal_profiles.module_attributes import cite_clause, find_attributes

IDENTITY: Final = frozenset(
    {tags.SOP_CLASS_UID, tags.SOP_INSTANCE_UID, tags.STUDY_INSTANCE_UID, tags.SERIES_INSTANCE_UID}
)
"""Elements named without "if present": the identity of the instance, its study and series."""
_CREATION: Final = frozenset({tags.INSTANCE_CREATION_DATE, tags.INSTANCE_CREATION_TIME})


class CreatorRsa(Struct, frozen=True, kw_only=True):
    """Base RSA over the identity of the instance, its creation, and the image."""

    name: str = "creator-rsa"
    title: str = "Creator RSA Digital Signature Profile"
    reference: str = "PS3.15 C.2"

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        return _build_requirements(self.reference)

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        return base_findings(self.requirements(dataset), dataset, facts)


@cache
def _build_requirements(section: str) -> Requirements:
    listed = find_attributes(CREATOR_MODULES)
    return Requirements(
        elements=listed.elements | _CREATION | IDENTITY,
        mandatory=IDENTITY,
        recommended=listed.dropped,
        mac_algorithms=MAC_ALGORITHMS,
        key_types=KEY_TYPES,
        main_dataset_only=True,
        notes=("The lists do not contain patient, study, image geometry and display parameters.",),
        tables=listed.to_tables(dict.fromkeys(_CREATION | IDENTITY, f"list of {section}")),
        clause=cite_clause(section),
    )
