"""Contributes a profile under a name that another distribution has, and one of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dcmseal.findings import Finding
from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.profile import Profile, ProfiledDataset, Requirements, SignatureFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Lenient:
    """Requires nothing."""

    name: str
    title: str = "Lenient profile"
    reference: str = "none"

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        return Requirements()

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        return ()


@hookimpl
def dcmseal_profiles() -> Iterable[Profile]:
    """Contribute ``example-ecdsa`` and ``lenient``."""
    return (Lenient(name="example-ecdsa"), Lenient(name="lenient"))
