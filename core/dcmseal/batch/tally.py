"""The tally of a run: how many results of which kind, what needs attention, and what it all comes to.

>>> from dcmseal.batch.items import Item
>>> tally = Tally()
>>> tally.add(Result.passed_over(Item(source="notes.txt", relative="notes.txt"), "this is no DICOM file"))
>>> tally.files, tally.passed_over
(0, 1)
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dcmseal.batch.results import Kind, Result
from dcmseal.engine.existing import BROKEN
from dcmseal.exit_codes import ExitCode, worst

if TYPE_CHECKING:
    from dcmseal.batch.journal.gists import Gist
    from dcmseal.engine.json_values import Document
    from dcmseal.errors import SealError
    from dcmseal.plugins.reporting import ReportContext

_MOST_NAMED: Final = 20
"""Results of a verdict that are kept by name."""
URGENT: Final = ("invalid", "failed", "not-established", "no-signature")
"""Verdicts that need attention, the most urgent first."""


@dataclass(slots=True)
class Tally:
    """What is known of all results so far; it does not grow with their number."""

    files: int = 0
    """Those that are no DICOM files, and were only found in a folder, are not among them."""
    verdicts: Counter[str] = field(default_factory=Counter[str])
    passed_over: int = 0
    partial: int = 0
    """Those of the valid ones in which signatures cover a part of the elements only."""
    changed: int = 0
    exit_code: ExitCode = ExitCode.OK
    attention: dict[str, list[Result]] = field(default_factory=dict[str, list[Result]])
    """The first results of each verdict that needs attention."""
    earlier: Counter[Gist] = field(default_factory=Counter["Gist"])
    """Results of an earlier run, as its journal has them, that are not counted yet."""
    recorded: int = 0
    """Those of ``files`` that were done by an earlier run."""
    obstacles: Counter[str] = field(default_factory=Counter[str])
    """Files that were signed, or would be, by what will keep a signature from being called valid."""
    broken: list[Result] = field(default_factory=list[Result])
    """The first of those results where a signature does not hold that was there already."""
    stopped: SealError | None = None
    """Why the run stopped early."""

    def add(self, result: Result) -> None:
        """Count a result."""
        if result.kind is Kind.PASSED_OVER:
            self.passed_over += 1
            return
        self.files += 1
        self.verdicts[result.verdict] += 1
        self.partial += result.is_partial
        self.changed += result.changed
        self.obstacles.update(set(result.obstacles))
        if BROKEN in result.obstacles and len(self.broken) < _MOST_NAMED:
            self.broken.append(result)
        if result.exit_code is not self.exit_code:
            self.exit_code = worst((self.exit_code, result.exit_code))
        self.note(result)
        if result.ends_run:
            self.stopped = result.error

    def note(self, result: Result) -> None:
        """Keep a result that needs attention; those of an earlier run are counted by ``add_earlier``."""
        if result.verdict in URGENT:
            named = self.attention.setdefault(result.verdict, [])
            if len(named) < _MOST_NAMED:
                named.append(result)

    def add_earlier(self) -> None:
        """Count the results of an earlier run."""
        for gist, files in self.earlier.items():
            if gist.kind == Kind.PASSED_OVER.value:
                self.passed_over += files
                continue
            self.files += files
            self.recorded += files
            self.verdicts[gist.verdict] += files
            self.partial += files if gist.is_partial else 0
            self.exit_code = worst((self.exit_code, ExitCode(gist.exit_code)))
            if gist.kind == Kind.SIGNED.value:
                self.obstacles.update(dict.fromkeys(gist.codes, files))
            if gist.verdict in URGENT:
                self.attention.setdefault(gist.verdict, [])
        self.earlier = Counter()

    def urgent(self) -> list[tuple[str, list[Result], int]]:
        """Verdicts that need attention, the most urgent first: results of each, and how many more there are."""
        return [
            (verdict, self.attention[verdict], self.verdicts[verdict] - len(self.attention[verdict]))
            for verdict in URGENT
            if verdict in self.attention
        ]

    def document(self, seconds: float, judged_by: ReportContext | None = None) -> Document:
        """The tally as a document of kind ``summary``; ``judged_by`` is what a verification rests upon."""
        from dcmseal.engine.document_values import context_value
        from dcmseal.engine.documents import error_document
        from dcmseal.engine.json_values import document

        stopped = self.stopped
        return document(
            "summary",
            {
                "files": self.files,
                "verdicts": dict(sorted(self.verdicts.items())),
                "warned": dict(sorted(self.obstacles.items())),
                "partial": self.partial,
                "passed_over": self.passed_over,
                "changed": self.changed,
                "recorded": self.recorded,
                "milliseconds": round(seconds * 1000),
                "exit_code": self.exit_code,
                "stopped": None if stopped is None else error_document(stopped, self.exit_code),
                "judged_by": None if judged_by is None else context_value(judged_by),
            },
        )
