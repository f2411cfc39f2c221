"""No profile: the Digital Signatures Macro (PS3.3 C.12.1.1.3) without further rules."""

# Kept apart: one module for each profile.

from __future__ import annotations

from typing import Final

from msgspec import Struct

from dcmseal.findings import Finding
from dcmseal.plugins.profile import ProfiledDataset, Requirements, SignatureFacts

_SECTION: Final = "PS3.3 C.12.1.1.3"
_REQUIREMENTS: Final = Requirements(clause=_SECTION)


class NoProfile(Struct, frozen=True, kw_only=True):
    """Any algorithm, key and coverage."""

    name: str = "none"
    title: str = "No Digital Signature Profile"
    reference: str = _SECTION

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        return _REQUIREMENTS

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        return ()
