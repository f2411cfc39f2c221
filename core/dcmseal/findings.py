"""Findings: one answer to one question about a signature, with its aspect, outcome, code and clause."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Aspect(StrEnum):
    """One question about a signature, answered apart from all others."""

    FORM = "form"
    """Are the two sequences and their items as PS3.3 C.12.1.1.3 wants them?"""
    INTEGRITY = "integrity"
    """Is the data the same that was signed?"""
    AUTHENTICITY = "authenticity"
    """Was it signed with the key of the certificate, while the certificate was valid?"""
    TRUST = "trust"
    """Does the certificate lead to an authority that the site trusts?"""
    TIMESTAMP = "timestamp"
    """Is the time of signing certified?"""
    CONFORMANCE = "conformance"
    """Which Digital Signature Profiles does it meet?"""
    COVERAGE = "coverage"
    """What does it protect, and what not?"""


class Outcome(StrEnum):
    """Answer to an aspect; an aspect that nothing speaks of is UNKNOWN."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_CHECKED = "not-checked"
    """Of findings only: the settings do without it. It decides nothing, and passes nothing either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found out: ``code`` is stable, ``clause`` cites the standard, ``where`` names tags or a place."""

    aspect: Aspect
    outcome: Outcome
    code: str
    message: str
    where: str = ""
    clause: str = ""
