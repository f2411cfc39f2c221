"""Report writers of plugins behind a guard: bytes come out, and no foreign error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from dcmseal.errors import PluginBroken, PluginNotFound
from dcmseal.plugins import answers
from dcmseal.plugins.answers import Origin
from dcmseal.plugins.archive_reporting import ArchiveReport
from dcmseal.plugins.reporting import ReportContext, ReportedFile, ReportWriter

_FORMAT: Final = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)

_END: Final = object()


class GuardedReportWriter:
    """A ReportWriter whose failures are PluginBroken."""

    __slots__ = ("_blame", "_writer", "format", "summary", "writes_archives")

    def __init__(self, writer: ReportWriter, origin: Origin) -> None:
        """Raise PluginBroken if ``writer`` is none."""
        with answers.Guard(f"a report writer of {origin}", PluginBroken):
            self.format = answers.check_name(writer.format, _FORMAT, "format")
            self.summary = answers.check_text(writer.summary, "summary")
            answers.check_methods(writer, "write")
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
        with answers.Guard(self._blame, PluginBroken):
            pieces: Iterator[object] = iter(write())
        while True:
            with answers.Guard(self._blame, PluginBroken):
                piece = next(pieces, _END)
                if piece is _END:
                    return
                data = answers.check_instance(piece, bytes, what)
            yield data
