"""Digital Signature Profiles of plugins behind a guard: requirements and findings are what they ought to be."""

from __future__ import annotations

import re
from typing import Final

from dcmseal.errors import PluginBroken
from dcmseal.plugins import answers
from dcmseal.plugins.loading import Origin
from dcmseal.plugins.protocols import Profile, ProfiledDataset, Requirements, SignatureFacts
from dcmseal.report import Aspect, Finding
from dcmseal.terms import KeyType, MacAlgorithm

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)


class GuardedProfile:
    """A Profile whose failures are PluginBroken."""

    __slots__ = ("_blame", "_profile", "name", "reference", "title")

    def __init__(self, profile: Profile, origin: Origin) -> None:
        """Raise PluginBroken if ``profile`` is none."""
        with answers.guarded(f"a profile of {origin}", PluginBroken):
            self.name = answers.name(profile.name, _NAME, "name")
            self.title = answers.text(profile.title, "title")
            self.reference = answers.text(profile.reference, "reference")
            answers.methods(profile, "requirements", "check")
        self._profile = profile
        self._blame = f"the profile {self.name} of {origin}"

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        """What a signature over the data set has to be like; raises PluginBroken."""
        with answers.guarded(self._blame, PluginBroken):
            required = answers.one_of(self._profile.requirements(dataset), Requirements, "requirements")
            answers.set_of(required.elements, int, "elements")
            answers.set_of(required.mac_algorithms, MacAlgorithm, "mac_algorithms")
            answers.set_of(required.key_types, KeyType, "key_types")
            answers.set_of(required.purposes, int, "purposes")
            answers.text(required.clause, "clause")
            return required

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        """Where the signature does not meet the profile; raises PluginBroken."""
        with answers.guarded(self._blame, PluginBroken):
            findings = answers.tuple_of(self._profile.check(dataset, facts), Finding, "check")
            if any(finding.aspect is not Aspect.CONFORMANCE for finding in findings):
                raise answers.Nonsense("check speaks of another aspect than conformance")
            return findings
