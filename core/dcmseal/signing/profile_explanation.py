"""What a Digital Signature Profile demands: by itself, and of a Data Set before it is signed.

>>> from dcmseal.plugins.registry import installed_registry
>>> report = explain_profile("image.dcm", installed_registry().profile("creator-rsa"))
>>> report.problems
()
>>> [each.why for each in report.elements if each.tag == 0x00080008]
['General Image Module']
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dcmseal.dataset.signable import exclusion_reason
from dcmseal.findings import Finding
from dcmseal.macro.profile_view import LevelView
from dcmseal.plugins.profile import Profile, Requirements, SignatureFacts
from dcmseal.signing.context import SigningContext
from dcmseal.signing.prepare import PreparedLevel, prepare_level
from dcmseal.sources.dataset_input import DatasetInput, open_source
from dcmseal.terms import CertificateType, KeyType, MacAlgorithm, TimestampType


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedElement:
    """One element of the Data Set."""

    tag: int
    signed: bool
    """Whether a signature over all that can be signed covers it."""
    required: bool
    why: str
    """What demands it, or why it is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileExplanation:
    """What a signature by a profile would be like."""

    profile: Profile
    requirements: Requirements
    elements: tuple[ExplainedElement, ...]
    """All of the main Data Set."""
    problems: tuple[Finding, ...]
    """What keeps such a signature from meeting the profile, whatever allowed key makes it."""


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
    """What a profile demands whatever the Data Set."""
    return profile.requirements(_EmptyDataset())


def explain_profile(source: DatasetInput, profile: Profile) -> ProfileExplanation:
    """Hold a Data Set against a profile as ``sign`` would; raises DatasetError or one of its kinds."""
    with open_source(source) as file:
        drafted = prepare_level(file, SigningContext(profile=profile))
        view = LevelView(scan=drafted.scan, location=drafted.level.location)
        elements = tuple(_explain_elements(drafted))
        signed = frozenset(each.tag for each in elements if each.signed)
        return ProfileExplanation(
            profile=profile,
            requirements=drafted.requirements,
            elements=elements,
            problems=profile.check(view, _build_allowed_facts(drafted.requirements, signed)),
        )


def _explain_elements(prepared: PreparedLevel) -> Iterator[ExplainedElement]:
    required, unsignable = prepared.requirements, prepared.facts.unsignable
    origins: Mapping[int, str] = required.tables.origins if required.tables else {}
    for tag in prepared.scan.tags:
        why_not = unsignable.get(tag) or exclusion_reason(tag) or ("forbidden" if tag in required.forbidden else "")
        demanded = tag in required.required_tags
        yield ExplainedElement(
            tag=tag,
            signed=not why_not,
            required=demanded,
            why=why_not or (origins.get(tag, required.clause) if demanded else ""),
        )


def _build_allowed_facts(required: Requirements, signed: frozenset[int]) -> SignatureFacts:
    """A signature as the profile allows it, but for what only the Data Set and the caller decide."""
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
