"""The interface of plugins that write reports: verification reports and coverage maps in, a file of one format out.

>>> from dcmseal.plugins.registry import installed_registry
>>> installed_registry().report_writer("html").summary
'one self-contained HTML page'
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol, cast, runtime_checkable

from msgspec import Struct, field

from dcmseal.errors import PluginBroken
from dcmseal.model.coverage_map import CoverageMap
from dcmseal.model.report import VerificationReport
from dcmseal.plugins import guard
from dcmseal.plugins.archive_report import ArchiveReport
from dcmseal.plugins.guard import Guard, Origin


class CertificateFacts(Struct, frozen=True, kw_only=True):
    """A certificate as a report shows it; if it cannot be parsed, only ``problem`` is set."""

    subject: str = ""
    issuer: str = ""
    serial_number: str = ""
    """In hexadecimal."""
    not_before: dt.datetime | None = None
    not_after: dt.datetime | None = None
    key: str = ""
    """Type and size of the key."""
    sha256: str = ""
    """Fingerprint, in hexadecimal."""
    problem: str = ""
    """Why the certificate cannot be parsed."""


class ReportedFile(Struct, frozen=True, kw_only=True):
    """One SOP Instance in a report: the result of verification, or the reason why there is none."""

    name: str
    """The path or URL that the user gave."""
    report: VerificationReport | None = None
    coverage: CoverageMap | None = None
    certificates: Mapping[bytes, CertificateFacts] = field(default_factory=dict[bytes, CertificateFacts])
    """Every certificate in the report, by its DER."""
    sop_class: str = ""
    """Name of the SOP Class (PS3.6 Table A-1); empty if it is private or unknown."""
    problem: str = ""
    """Why the report or the coverage map is missing; empty if both are present."""
    hint: str = ""
    """How to solve the problem."""


class ReportContext(Struct, frozen=True, kw_only=True):
    """How and when the files were verified, which every report has to state."""

    version: str
    """Version of dcmseal."""
    moment: dt.datetime
    """Time of the verification, with its offset from UTC."""
    settings: tuple[tuple[str, str], ...] = ()
    """The options of the verification, as pairs of label and value, in words."""
    has_trust: bool = True
    """False if trust was required but no trust anchor was configured."""


@runtime_checkable
class ReportWriter(Protocol):
    """Writes reports in one format.

    All text comes unchanged from files and certificates, and may be hostile: escape it for your format.
    """

    @property
    def format(self) -> str:
        """The name by which users select the format, as in ``--report FORMAT:FILE``."""
        ...

    @property
    def summary(self) -> str:
        """One line for the list of plugins."""
        ...

    def write(self, files: Sequence[ReportedFile], context: ReportContext) -> Iterable[bytes]:
        """Return the bytes of a report in pieces; dcmseal writes the file."""
        ...


@runtime_checkable
class ArchiveReportWriter(ReportWriter, Protocol):
    """A writer that also supports reports about a run over many files."""

    def write_archive(self, report: ArchiveReport, context: ReportContext) -> Iterable[bytes]:
        """Return the bytes of a report about many files in pieces."""
        ...


_FORMAT: Final = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)

_END: Final = object()


class GuardedReportWriter:
    """A ReportWriter that checks what the plugin returns, and raises errors of dcmseal only."""

    __slots__ = ("_blame", "_guard", "_writer", "format", "summary")

    def __init__(self, writer: ReportWriter, origin: Origin) -> None:
        with Guard(f"a report writer of {origin}", PluginBroken):
            self.format = guard.check_name(writer.format, _FORMAT, "format")
            self.summary = guard.check_text(writer.summary, "summary")
            guard.check_methods(writer, "write")
        self._writer = writer
        self._blame = f"the report writer {self.format} of {origin}"
        self._guard = Guard(self._blame, PluginBroken)

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def write(self, files: Sequence[ReportedFile], context: ReportContext) -> Iterator[bytes]:
        return self._iter_pieces(lambda: self._writer.write(files, context), "write")

    def _iter_pieces(self, write: Callable[[], Iterable[bytes]], what: str) -> Iterator[bytes]:
        with self._guard:
            pieces: Iterator[object] = iter(write())
        while True:
            with self._guard:
                piece = next(pieces, _END)
                if piece is _END:
                    return
                data = guard.check_instance(piece, bytes, what)
            yield data


class GuardedArchiveReportWriter(GuardedReportWriter):
    """An ArchiveReportWriter that checks what the plugin returns, and raises errors of dcmseal only."""

    __slots__ = ("_archive_writer",)

    def __init__(self, writer: ArchiveReportWriter, origin: Origin) -> None:
        super().__init__(writer, origin)
        self._archive_writer = writer

    def write_archive(self, report: ArchiveReport, context: ReportContext) -> Iterator[bytes]:
        return self._iter_pieces(lambda: self._archive_writer.write_archive(report, context), "write_archive")


def guard_report_writer(writer: ReportWriter, origin: Origin) -> ReportWriter:
    """Put a guard around a report writer; raises PluginBroken if it is invalid."""
    with Guard(f"a report writer of {origin}", PluginBroken):
        writes_archives = callable(getattr(writer, "write_archive", None))
    if writes_archives:
        return GuardedArchiveReportWriter(cast("ArchiveReportWriter", writer), origin)
    return GuardedReportWriter(writer, origin)
