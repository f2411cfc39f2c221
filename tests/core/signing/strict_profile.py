"""A profile and data sets for the tests of what is refused, and of what may be allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dcmseal import tags
from dcmseal.findings import Finding
from dcmseal.plugins.profile import Requirements
from dcmseal.plugins.profile_rules import requirement_findings
from tests.support import builder as b
from tests.support import tags as t


@dataclass(frozen=True)
class StrictProfile:
    """A profile made for the test."""

    needs: Requirements
    name: str = "demanding"
    title: str = "Demanding Profile"
    reference: str = "PS3.15 Z"

    def requirements(self, _: Any) -> Requirements:
        return self.needs

    def check(self, dataset: Any, facts: Any) -> tuple[Finding, ...]:
        return requirement_findings(self.needs, dataset, facts)


UNKNOWN = b.Value(0x00091001, "UN", b"abcd")
WITH_UNKNOWN = b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((UNKNOWN, b.us(tags.ROWS, 1))),))
PLAIN = b.image()
RICH = b.image(UNKNOWN, WITH_UNKNOWN)
