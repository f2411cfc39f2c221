"""Digital Signature Profiles of plugins behind a guard: requirements and findings are what they ought to be."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, cast, runtime_checkable

from dcmseal.errors import PluginBroken
from dcmseal.findings import Aspect, Finding
from dcmseal.plugins import guard
from dcmseal.plugins.guard import Origin
from dcmseal.terms import KeyType, MacAlgorithm, SignaturePurpose


class ProfiledDataset(Protocol):
    """What a profile may look at: the elements of the level that is signed, and their values."""

    @property
    def tags(self) -> Collection[int]: ...
    @property
    def is_main(self) -> bool: ...
    def text(self, tag: int) -> str | None:
        """The value as text, less padding; None if absent, empty or no text."""
        ...

    def count_items(self, tag: int) -> int | None:
        """How many items a sequence has, at most 1000 of them counted; None if absent or no sequence."""
        ...

    def count_lacking(self, path: tuple[int, ...], any_of: frozenset[int]) -> int:
        """How many of the items at the end of a path of sequences have an item in none of the sequences ``any_of``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementTables:
    """The tables of the standard that a profile takes its elements from: modules gain and lose attributes."""

    edition: str
    """Which edition decides, as in ``PS3.3 2024c``."""
    origins: Mapping[int, str]
    """What names an element, as in ``General Image Module``."""
    earlier: str = ""
    """An earlier edition, which others may have signed by; empty if none is known."""
    added: frozenset[int] = frozenset()
    """Elements that the earlier edition does not name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What a profile demands of a signature over one data set.

    Empty collections of algorithms, key types or purposes mean: any.
    """

    elements: frozenset[int] = frozenset()
    """Tags that must be covered if present."""
    mandatory: frozenset[int] = frozenset()
    """Tags that must be present, and covered."""
    recommended: frozenset[int] = frozenset()
    """Tags that a signature over no more than is required covers too, though none is refused without them."""
    forbidden: frozenset[int] = frozenset()
    """Tags that must not be covered."""
    mac_algorithms: frozenset[MacAlgorithm] = frozenset()
    key_types: frozenset[KeyType] = frozenset()
    key_bits: Mapping[KeyType, int] = field(default_factory=dict[KeyType, int])
    """The smallest size of a kind of key."""
    purposes: frozenset[int] = frozenset()
    purpose_required: bool = False
    default_purpose: int | None = None
    """The purpose of a new signature for which none is given."""
    timestamp_required: bool = False
    main_dataset_only: bool = False
    inapplicable: str = ""
    """Why no signature over this data set can meet the profile; empty if one can."""
    left_to_caller: str = ""
    """What the caller has to choose besides, in words: no table can name it."""
    notes: tuple[str, ...] = ()
    """Further rules, in words."""
    tables: ElementTables | None = None
    clause: str = ""

    @property
    def required_tags(self) -> frozenset[int]:
        """Tags that must be covered if present, mandatory or not."""
        return self.elements if self.mandatory <= self.elements else self.elements | self.mandatory


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFacts:
    """What a profile judges: a signature planned or found."""

    mac_algorithm: MacAlgorithm | None
    key_type: KeyType | None
    certificate_type: str
    timestamp_type: str
    """Empty if there is no certified timestamp."""
    purpose: int | None
    """Of CID 7007; OTHER_PURPOSE for a code that is not; None if no purpose is stated."""
    elements: frozenset[int]
    """Tags listed in Data Elements Signed that are present at the level."""
    key_bits: int | None = None
    """Size of the key; None if it is not known."""


OTHER_PURPOSE: Final = 0
"""Stands for all purposes that CID 7007 does not have: other codes are permitted."""


@runtime_checkable
class Profile(Protocol):
    """A Digital Signature Profile (PS3.15 6.3): pure rules, used for planning and for verification alike."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def reference(self) -> str: ...
    def requirements(self, dataset: ProfiledDataset) -> Requirements: ...
    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        """Findings of aspect CONFORMANCE; empty if the profile is met."""
        ...


@runtime_checkable
class DocumentProfile(Profile, Protocol):
    """A profile with rules about all signatures of a data set together."""

    def check_all(self, dataset: ProfiledDataset, signatures: Sequence[SignatureFacts]) -> tuple[Finding, ...]:
        """Findings of aspect CONFORMANCE about the sound signatures of a level; empty if they keep the rules."""
        ...


_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_PURPOSES: Final = frozenset(SignaturePurpose)


class GuardedProfile:
    """A Profile whose failures are PluginBroken."""

    __slots__ = ("_blame", "_profile", "_sound", "name", "reference", "title")

    def __init__(self, profile: Profile, origin: Origin) -> None:
        """Raise PluginBroken if ``profile`` is none."""
        with guard.Guard(f"a profile of {origin}", PluginBroken):
            self.name = guard.check_name(profile.name, _NAME, "name")
            self.title = guard.check_text(profile.title, "title")
            self.reference = guard.check_text(profile.reference, "reference")
            guard.check_methods(profile, "requirements", "check")
        self._profile = profile
        self._sound: Requirements | None = None
        self._blame = f"the profile {self.name} of {origin}"

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        """What a signature over the data set has to be like; raises PluginBroken."""
        with guard.Guard(self._blame, PluginBroken):
            required = guard.check_instance(self._profile.requirements(dataset), Requirements, "requirements")
            if required is self._sound:
                return required  # profiles that read tables answer with one and the same value
            for what in ("elements", "mandatory", "recommended", "forbidden"):
                guard.check_frozenset(getattr(required, what), int, what)
            guard.check_frozenset(required.mac_algorithms, MacAlgorithm, "mac_algorithms")
            guard.check_frozenset(required.key_types, KeyType, "key_types")
            guard.check_frozenset(required.purposes, int, "purposes")
            if required.default_purpose is not None and required.default_purpose not in _PURPOSES:
                raise guard.InvalidAnswer("default_purpose is not of CID 7007")
            for words in (required.inapplicable, required.left_to_caller, required.clause, *required.notes):
                guard.check_text(words, "text of the requirements")
            if required.tables is not None:
                guard.check_instance(required.tables, ElementTables, "tables")
            self._sound = required
            return required

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        """Where the signature does not meet the profile; raises PluginBroken."""
        with guard.Guard(self._blame, PluginBroken):
            return _check_findings(self._profile.check(dataset, facts), "check")


class GuardedDocumentProfile(GuardedProfile):
    """A DocumentProfile whose failures are PluginBroken."""

    __slots__ = ("_together",)

    def __init__(self, profile: DocumentProfile, origin: Origin) -> None:
        super().__init__(profile, origin)
        self._together = profile

    def check_all(self, dataset: ProfiledDataset, signatures: Sequence[SignatureFacts]) -> tuple[Finding, ...]:
        """Where the signatures together do not keep the profile's rules; raises PluginBroken."""
        with guard.Guard(self._blame, PluginBroken):
            return _check_findings(self._together.check_all(dataset, signatures), "check_all")


def guard_profile(profile: Profile, origin: Origin) -> GuardedProfile:
    """A profile behind its guard; raises PluginBroken if it is none."""
    with guard.Guard(f"a profile of {origin}", PluginBroken):
        is_about_all = callable(getattr(profile, "check_all", None))
    if is_about_all:
        return GuardedDocumentProfile(cast("DocumentProfile", profile), origin)
    return GuardedProfile(profile, origin)


def _check_findings(answer: object, what: str) -> tuple[Finding, ...]:
    findings = guard.check_tuple(answer, Finding, what)
    if any(finding.aspect is not Aspect.CONFORMANCE for finding in findings):
        raise guard.InvalidAnswer(f"{what} speaks of another aspect than conformance")
    return findings
