"""Digital Signature Profiles of plugins behind a guard: requirements and findings are what they ought to be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, cast

from dcmseal.errors import PluginBroken
from dcmseal.plugins import answers
from dcmseal.plugins.loading import Origin
from dcmseal.plugins.protocols import (
    DocumentProfile,
    ElementTables,
    Profile,
    ProfiledDataset,
    Requirements,
    SignatureFacts,
)
from dcmseal.report import Aspect, Finding
from dcmseal.terms import KeyType, MacAlgorithm, SignaturePurpose

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_PURPOSES: Final = frozenset(SignaturePurpose)


class GuardedProfile:
    """A Profile whose failures are PluginBroken."""

    __slots__ = ("_blame", "_profile", "_sound", "name", "reference", "title")

    def __init__(self, profile: Profile, origin: Origin) -> None:
        """Raise PluginBroken if ``profile`` is none."""
        with answers.Guard(f"a profile of {origin}", PluginBroken):
            self.name = answers.check_name(profile.name, _NAME, "name")
            self.title = answers.check_text(profile.title, "title")
            self.reference = answers.check_text(profile.reference, "reference")
            answers.check_methods(profile, "requirements", "check")
        self._profile = profile
        self._sound: Requirements | None = None
        self._blame = f"the profile {self.name} of {origin}"

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        """What a signature over the data set has to be like; raises PluginBroken."""
        with answers.Guard(self._blame, PluginBroken):
            required = answers.check_instance(self._profile.requirements(dataset), Requirements, "requirements")
            if required is self._sound:
                return required  # profiles that read tables answer with one and the same value
            for what in ("elements", "mandatory", "recommended", "forbidden"):
                answers.check_frozenset(getattr(required, what), int, what)
            answers.check_frozenset(required.mac_algorithms, MacAlgorithm, "mac_algorithms")
            answers.check_frozenset(required.key_types, KeyType, "key_types")
            answers.check_frozenset(required.purposes, int, "purposes")
            if required.default_purpose is not None and required.default_purpose not in _PURPOSES:
                raise answers.InvalidAnswer("default_purpose is not of CID 7007")
            for words in (required.inapplicable, required.left_to_caller, required.clause, *required.notes):
                answers.check_text(words, "text of the requirements")
            if required.tables is not None:
                answers.check_instance(required.tables, ElementTables, "tables")
            self._sound = required
            return required

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        """Where the signature does not meet the profile; raises PluginBroken."""
        with answers.Guard(self._blame, PluginBroken):
            return _check_findings(self._profile.check(dataset, facts), "check")


class GuardedDocumentProfile(GuardedProfile):
    """A DocumentProfile whose failures are PluginBroken."""

    __slots__ = ("_together",)

    def __init__(self, profile: DocumentProfile, origin: Origin) -> None:
        super().__init__(profile, origin)
        self._together = profile

    def check_all(self, dataset: ProfiledDataset, signatures: Sequence[SignatureFacts]) -> tuple[Finding, ...]:
        """Where the signatures together do not keep the profile's rules; raises PluginBroken."""
        with answers.Guard(self._blame, PluginBroken):
            return _check_findings(self._together.check_all(dataset, signatures), "check_all")


def guard_profile(profile: Profile, origin: Origin) -> GuardedProfile:
    """A profile behind its guard; raises PluginBroken if it is none."""
    with answers.Guard(f"a profile of {origin}", PluginBroken):
        is_about_all = callable(getattr(profile, "check_all", None))
    if is_about_all:
        return GuardedDocumentProfile(cast("DocumentProfile", profile), origin)
    return GuardedProfile(profile, origin)


def _check_findings(answer: object, what: str) -> tuple[Finding, ...]:
    findings = answers.check_tuple(answer, Finding, what)
    if any(finding.aspect is not Aspect.CONFORMANCE for finding in findings):
        raise answers.InvalidAnswer(f"{what} speaks of another aspect than conformance")
    return findings
