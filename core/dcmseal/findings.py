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
    """The result of a check, or of all checks of an aspect."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The check was requested, but its result could not be established."""
    NOT_CHECKED = "not-checked"
    """The check was not requested, or there is nothing to check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found out: ``code`` is stable, ``clause`` cites the standard, ``where`` names tags or a place."""

    aspect: Aspect
    outcome: Outcome
    code: str
    message: str
    where: str = ""
    clause: str = ""
