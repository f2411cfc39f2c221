"""Explain the requirements of a Digital Signature Profile, in general and for a Data Set.

>>> from dcmseal.plugins.registry import installed_registry
>>> report = explain_profile("image.dcm", installed_registry().profile("creator-rsa"), installed_registry)
>>> report.problems
()
>>> [each.why for each in report.elements if each.tag == 0x00080008]
['General Image Module']
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from dcmseal.dataset.signable import exclusion_reason
from dcmseal.findings import Finding
from dcmseal.macro.profile_view import LevelView
from dcmseal.plugins.profile import Profile, Requirements, SignatureFacts
from dcmseal.plugins.registry_provider import RegistryProvider
from dcmseal.signing.prepare import PreparedLevel, prepare_level
from dcmseal.signing.signing_context import SigningContext
from dcmseal.sources.dataset_input import DatasetInput, open_source
from dcmseal.terms import CertificateType, KeyType, MacAlgorithm, TimestampType


class ExplainedElement(Struct, frozen=True, kw_only=True):
    """One element of the Data Set."""

    tag: int
    signed: bool
    """Whether a signature over everything that can be signed covers it."""
    required: bool
    why: str
    """What requires it, or why it cannot be signed."""


class ProfileExplanation(Struct, frozen=True, kw_only=True):
    """What a signature for a profile would cover in a Data Set."""

    profile: Profile
    requirements: Requirements
    elements: tuple[ExplainedElement, ...]
    """All elements of the main Data Set."""
    problems: tuple[Finding, ...]
    """Why the signature would not meet the profile with any allowed key."""


class _EmptyDataset:
    """A main Data Set without elements."""

    tags: frozenset[int] = frozenset()
    is_main = True

    def text(self, tag: int) -> str | None:
        return None

    def count_items(self, tag: int) -> int | None:
        return None

    def count_lacking(self, path: tuple[int, ...], any_of: frozenset[int]) -> int:
        return 0


def profile_requirements(profile: Profile) -> Requirements:
    """Get the requirements of a profile that do not depend on a Data Set."""
    return profile.requirements(_EmptyDataset())


def explain_profile(source: DatasetInput, profile: Profile, registry: RegistryProvider) -> ProfileExplanation:
    """Check a Data Set against a profile as ``sign`` would.

    Args:
        source: The Data Set.
        profile: The profile to check against.
        registry: Returns the plugins for URLs.

    Returns:
        The elements that would be signed, and why the profile would not be met, if so.

    Raises:
        DatasetError: The Data Set cannot be parsed or signed, or the subclass that says why.
    """
    with open_source(source, registry) as file:
        prepared = prepare_level(file, SigningContext(profile=profile))
        view = LevelView(scan=prepared.scan, location=prepared.level.location)
        elements = tuple(_explain_elements(prepared))
        signed = frozenset(each.tag for each in elements if each.signed)
        return ProfileExplanation(
            profile=profile,
            requirements=prepared.requirements,
            elements=elements,
            problems=profile.check(view, _build_allowed_facts(prepared.requirements, signed)),
        )


def _explain_elements(prepared: PreparedLevel) -> Iterator[ExplainedElement]:
    requirements, unsignable = prepared.requirements, prepared.facts.unsignable
    origins: Mapping[int, str] = requirements.tables.origins if requirements.tables else {}
    for tag in prepared.scan.tags:
        why_not = unsignable.get(tag) or exclusion_reason(tag) or ("forbidden" if tag in requirements.forbidden else "")
        is_required = tag in requirements.required_tags
        yield ExplainedElement(
            tag=tag,
            signed=not why_not,
            required=is_required,
            why=why_not or (origins.get(tag, requirements.clause) if is_required else ""),
        )


def _build_allowed_facts(required: Requirements, signed: frozenset[int]) -> SignatureFacts:
    """Build the facts of a signature with an algorithm, key and purpose that the profile allows."""
    kinds = required.key_types or {KeyType.RSA}
    algorithms = required.mac_algorithms or {MacAlgorithm.SHA256}
    return SignatureFacts(
        mac_algorithm=min(algorithms),
        key_type=min(kinds, key=lambda kind: kind.value),
        certificate_type=CertificateType.X509_1993_SIG,
        timestamp_type=TimestampType.CMS_TSP if required.timestamp_required else "",
        purpose=required.default_purpose,
        elements=signed,
    )
