"""The interface of Digital Signature Profiles (PS3.15 6.3): requirements on signatures, and checks against them.

A profile is a set of pure functions, which serve signing and verification alike.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol, cast, runtime_checkable

from msgspec import Struct, field

from dcmseal.errors import PluginBroken
from dcmseal.findings import Aspect, Finding
from dcmseal.plugins import guard
from dcmseal.plugins.guard import Guard, Origin
from dcmseal.terms import KeyType, MacAlgorithm, SignaturePurpose


class ProfiledDataset(Protocol):
    """The signed Data Set, limited to what a profile may read."""

    @property
    def tags(self) -> Collection[int]:
        """Tags of all elements at the signed level."""
        ...

    @property
    def is_main(self) -> bool:
        """Whether it is the main Data Set, not an item of a sequence."""
        ...

    def text(self, tag: int) -> str | None:
        """Return a value as text without padding; None if it is absent, empty or not text."""
        ...

    def count_items(self, tag: int) -> int | None:
        """Return the number of items of a sequence, at most 1000; None if it is absent or not a sequence."""
        ...

    def count_lacking(self, path: tuple[int, ...], any_of: frozenset[int]) -> int:
        """Count items without any of some sequences.

        Args:
            path: Tags of nested sequences; the items of the last one are counted.
            any_of: Tags of sequences; an item counts if all of these are absent or empty.
        """
        ...


class ElementTables(Struct, frozen=True, kw_only=True):
    """The edition of the standard whose tables name the elements of a profile: attributes change between editions."""

    edition: str
    """The edition, such as ``PS3.3 2024c``."""
    origins: Mapping[int, str]
    """What names each element, such as ``General Image Module``."""
    earlier: str = ""
    """An earlier edition that others may have signed by; empty if there is none."""
    added: frozenset[int] = frozenset()
    """Elements that the earlier edition does not name."""


class Requirements(Struct, frozen=True, kw_only=True):
    """What a profile requires of a signature over a Data Set.

    An empty set of algorithms, key types or purposes means that any is allowed.
    """

    elements: frozenset[int] = frozenset()
    """Tags that must be signed if present."""
    mandatory: frozenset[int] = frozenset()
    """Tags that must be present and signed."""
    recommended: frozenset[int] = frozenset()
    """Tags that are signed with the required ones by default, but not required."""
    forbidden: frozenset[int] = frozenset()
    """Tags that must not be signed."""
    mac_algorithms: frozenset[MacAlgorithm] = frozenset()
    key_types: frozenset[KeyType] = frozenset()
    key_bits: Mapping[KeyType, int] = field(default_factory=dict[KeyType, int])
    """The minimum size of a key, by key type."""
    purposes: frozenset[int] = frozenset()
    purpose_required: bool = False
    default_purpose: int | None = None
    """The purpose of a new signature if the caller gives none."""
    timestamp_required: bool = False
    main_dataset_only: bool = False
    inapplicable: str = ""
    """Why no signature over this Data Set can meet the profile; empty if one can."""
    left_to_caller: str = ""
    """What the caller has to choose in addition, in words, because no table can list it."""
    notes: tuple[str, ...] = ()
    """Further rules, in words."""
    tables: ElementTables | None = None
    clause: str = ""
    """The clause that findings cite."""

    @property
    def required_tags(self) -> frozenset[int]:
        """Tags that must be signed if present, mandatory or not."""
        return self.elements if self.mandatory <= self.elements else self.elements | self.mandatory


class SignatureFacts(Struct, frozen=True, kw_only=True):
    """The facts of a planned or existing signature that a profile checks."""

    mac_algorithm: MacAlgorithm | None
    key_type: KeyType | None
    certificate_type: str
    timestamp_type: str
    """Empty if the signature has no certified timestamp."""
    purpose: int | None
    """Purpose from CID 7007; OTHER_PURPOSE for any other code; None if no purpose is stated."""
    elements: frozenset[int]
    """Tags in Data Elements Signed that are present at the level."""
    key_bits: int | None = None
    """Size of the key; None if unknown."""


OTHER_PURPOSE: Final = 0
"""Represents any code outside CID 7007, which is extensible."""


@runtime_checkable
class Profile(Protocol):
    """A Digital Signature Profile (PS3.15 6.3)."""

    @property
    def name(self) -> str:
        """The name by which users select the profile, such as ``creator-rsa``."""
        ...

    @property
    def title(self) -> str:
        """The full name, as in the standard."""
        ...

    @property
    def reference(self) -> str:
        """The clause or document that defines the profile."""
        ...

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        """Return the requirements on a signature over this Data Set."""
        ...

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        """Check a signature against the profile.

        Returns:
            Findings of aspect CONFORMANCE; empty if the signature meets the profile.
        """
        ...


@runtime_checkable
class DocumentProfile(Profile, Protocol):
    """A profile with rules about all signatures of a Data Set together."""

    def check_all(self, dataset: ProfiledDataset, signatures: Sequence[SignatureFacts]) -> tuple[Finding, ...]:
        """Check the valid signatures of a level together.

        Returns:
            Findings of aspect CONFORMANCE; empty if the signatures meet the rules.
        """
        ...


_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_PURPOSES: Final = frozenset(SignaturePurpose)


class GuardedProfile:
    """A Profile that checks what the plugin returns, and raises errors of dcmseal only."""

    __slots__ = ("_blame", "_checked", "_guard", "_profile", "name", "reference", "title")

    def __init__(self, profile: Profile, origin: Origin) -> None:
        with Guard(f"a profile of {origin}", PluginBroken):
            self.name = guard.check_name(profile.name, _NAME, "name")
            self.title = guard.check_text(profile.title, "title")
            self.reference = guard.check_text(profile.reference, "reference")
            guard.check_methods(profile, "requirements", "check")
        self._profile = profile
        self._checked: Requirements | None = None
        self._blame = f"the profile {self.name} of {origin}"
        self._guard = Guard(self._blame, PluginBroken)

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        with self._guard:
            required = guard.check_instance(self._profile.requirements(dataset), Requirements, "requirements")
            if required is self._checked:
                return required  # profiles with tables return the same object each time
            for what in ("elements", "mandatory", "recommended", "forbidden"):
                guard.check_frozenset(getattr(required, what), int, what)
            guard.check_frozenset(required.mac_algorithms, MacAlgorithm, "mac_algorithms")
            guard.check_frozenset(required.key_types, KeyType, "key_types")
            guard.check_frozenset(required.purposes, int, "purposes")
            if required.default_purpose is not None and required.default_purpose not in _PURPOSES:
                raise guard.InvalidAnswer("default_purpose is not in CID 7007")
            for words in (required.inapplicable, required.left_to_caller, required.clause, *required.notes):
                guard.check_text(words, "text of the requirements")
            if required.tables is not None:
                guard.check_instance(required.tables, ElementTables, "tables")
            self._checked = required
            return required

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        with self._guard:
            return _check_findings(self._profile.check(dataset, facts), "check")


class GuardedDocumentProfile(GuardedProfile):
    """A DocumentProfile that checks what the plugin returns, and raises errors of dcmseal only."""

    __slots__ = ("_document_profile",)

    def __init__(self, profile: DocumentProfile, origin: Origin) -> None:
        super().__init__(profile, origin)
        self._document_profile = profile

    def check_all(self, dataset: ProfiledDataset, signatures: Sequence[SignatureFacts]) -> tuple[Finding, ...]:
        with self._guard:
            return _check_findings(self._document_profile.check_all(dataset, signatures), "check_all")


def guard_profile(profile: Profile, origin: Origin) -> Profile:
    """Put a guard around a profile; raises PluginBroken if it is invalid."""
    with Guard(f"a profile of {origin}", PluginBroken):
        checks_all = callable(getattr(profile, "check_all", None))
    if checks_all:
        return GuardedDocumentProfile(cast("DocumentProfile", profile), origin)
    return GuardedProfile(profile, origin)


def _check_findings(value: object, what: str) -> tuple[Finding, ...]:
    findings = guard.check_tuple(value, Finding, what)
    if any(finding.aspect is not Aspect.CONFORMANCE for finding in findings):
        raise guard.InvalidAnswer(f"{what} returned a finding of another aspect than conformance")
    return findings
