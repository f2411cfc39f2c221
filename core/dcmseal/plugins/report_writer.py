"""What a plugin that writes reports implements: verification reports and coverage maps in, a file in one format out.

>>> from dcmseal.plugins.registry import installed_registry
>>> installed_registry().report_writer("html").summary
'one self-contained HTML page'
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from dcmseal.errors import PluginBroken, PluginNotFound
from dcmseal.model.coverage_map import CoverageMap
from dcmseal.model.report import VerificationReport
from dcmseal.plugins import guard
from dcmseal.plugins.archive_report import ArchiveReport
from dcmseal.plugins.guard import Origin


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


_FORMAT: Final = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)

_END: Final = object()


class GuardedReportWriter:
    """A ReportWriter whose failures are PluginBroken."""

    __slots__ = ("_blame", "_writer", "format", "summary", "writes_archives")

    def __init__(self, writer: ReportWriter, origin: Origin) -> None:
        """Raise PluginBroken if ``writer`` is none."""
        with guard.Guard(f"a report writer of {origin}", PluginBroken):
            self.format = guard.check_name(writer.format, _FORMAT, "format")
            self.summary = guard.check_text(writer.summary, "summary")
            guard.check_methods(writer, "write")
            self.writes_archives = callable(getattr(writer, "write_archive", None))
            """Whether it has reports about many files, too."""
        self._writer = writer
        self._blame = f"the report writer {self.format} of {origin}"

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def write(self, files: Sequence[ReportedFile], context: ReportContext) -> Iterator[bytes]:
        """The bytes of the report, in pieces; raises PluginBroken."""
        return self._iter_pieces(lambda: self._writer.write(files, context), "write")

    def write_archive(self, report: ArchiveReport, context: ReportContext) -> Iterator[bytes]:
        """The bytes of the report, in pieces; raises PluginBroken, or PluginNotFound if it has none."""
        if not self.writes_archives:
            raise PluginNotFound(
                f"{self._blame} has no report about many files", hint="name up to 100 files one by one, or use html"
            )
        return self._iter_pieces(lambda: self._writer.write_archive(report, context), "write_archive")

    def _iter_pieces(self, write: Callable[[], Iterable[bytes]], what: str) -> Iterator[bytes]:
        with guard.Guard(self._blame, PluginBroken):
            pieces: Iterator[object] = iter(write())
        while True:
            with guard.Guard(self._blame, PluginBroken):
                piece = next(pieces, _END)
                if piece is _END:
                    return
                data = guard.check_instance(piece, bytes, what)
            yield data
