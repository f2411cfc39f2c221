"""What a plugin that writes reports implements: verification reports and coverage maps in, a file in one format out.

>>> from dcmseal.plugins.registry import installed
>>> installed().report_writer("html").summary
'one self-contained HTML page'
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dcmseal.coverage_map import CoverageMap
from dcmseal.plugins.archive_reporting import ArchiveReport
from dcmseal.report import VerificationReport


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """What a report says of a certificate; of one that cannot be read, only ``problem``."""

    subject: str = ""
    issuer: str = ""
    serial_number: str = ""
    """In hexadecimal."""
    not_before: dt.datetime | None = None
    not_after: dt.datetime | None = None
    key: str = ""
    """Kind and size."""
    sha256: str = ""
    """Fingerprint, in hexadecimal."""
    problem: str = ""
    """Why it cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedFile:
    """One SOP Instance to report about: what was found out, or why there is nothing to be found out."""

    name: str
    """As the user named it."""
    report: VerificationReport | None = None
    coverage: CoverageMap | None = None
    certificates: Mapping[bytes, CertificateFacts] = field(default_factory=dict[bytes, CertificateFacts])
    """Every certificate that the report holds, by its bytes."""
    sop_class: str = ""
    """Name of the SOP Class (PS3.6 Table A-1); empty if it is private or unknown."""
    problem: str = ""
    """Why there is no report, or no coverage map; empty if both are there."""
    hint: str = ""
    """What to do about the problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContext:
    """How the reports came about, which they have to tell."""

    version: str
    """Of dcmseal."""
    moment: dt.datetime
    """When it was verified, with its offset from UTC."""
    settings: tuple[tuple[str, str], ...] = ()
    """What was asked for, as label and value, in words."""
    has_trust: bool = True
    """Whether somebody was trusted, or trust was not asked for."""


class ReportWriter(Protocol):
    """Writes reports in one format; text in what it gets is as it stands in files and certificates, and hostile."""

    @property
    def format(self) -> str:
        """The name by which it is asked for, as in ``--report FORMAT:FILE``."""
        ...

    @property
    def summary(self) -> str: ...

    def write(self, files: Sequence[ReportedFile], context: ReportContext) -> Iterable[bytes]:
        """The bytes of the report, in pieces; it touches no file itself."""
        ...

    def write_archive(self, report: ArchiveReport, context: ReportContext) -> Iterable[bytes]:
        """The bytes of a report about many files, in pieces; a writer without this method has no such report."""
        ...
