"""Findings: the results of single checks of a signature, each with aspect, outcome, code and clause."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct


class Aspect(StrEnum):
    """A question about a signature, which is answered independently of the others."""

    FORM = "form"
    """Do the two sequences and their items have the structure that PS3.3 C.12.1.1.3 requires?"""
    INTEGRITY = "integrity"
    """Is the data unchanged since it was signed?"""
    AUTHENTICITY = "authenticity"
    """Was it signed with the key of the certificate, while the certificate was valid?"""
    TRUST = "trust"
    """Does the certificate lead to an authority that the site trusts?"""
    TIMESTAMP = "timestamp"
    """Is the time of signing certified?"""
    CONFORMANCE = "conformance"
    """Does it meet the rules of the standard and of the required profiles?"""
    COVERAGE = "coverage"
    """Which elements does it protect, and which not?"""


class Outcome(StrEnum):
    """The result of a check, or of all checks of an aspect."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The check was requested, but its result could not be established."""
    NOT_CHECKED = "not-checked"
    """The check was not requested, or there is nothing to check."""


class Finding(Struct, frozen=True, kw_only=True):
    """The result of one check."""

    aspect: Aspect
    outcome: Outcome
    code: str
    """A stable name, for programs."""
    message: str
    """One sentence for people, which may change between releases."""
    where: str = ""
    """The tags, path, location or UID that the finding is about; empty for the whole signature or file."""
    clause: str = ""
    """The clause of the standard."""


EXISTING_INVALID: Final = "existing-signature-invalid"
"""The code of the warning that an existing signature is not valid, which results show before all others."""
