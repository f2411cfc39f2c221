"""The output of a run over many files: text, JSON, JSON Lines, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from dcmseal.batch.inputs.input_file import UnreadableInput
from dcmseal.batch.result_kind import ResultDetail, ResultKind
from dcmseal.batch.results import BatchResult
from dcmseal.batch.run_summary import URGENT_VERDICTS, RunSummary
from dcmseal.cli.error_handling import print_error
from dcmseal.cli.render.screens import make_screen, write_line
from dcmseal.cli.render.text_layout import format_count
from dcmseal.cli.render.tone import Tone
from dcmseal.cli.run.run_loop import ResultOutput
from dcmseal.findings import EXISTING_INVALID

if TYPE_CHECKING:
    from dcmseal.plugins.report_writer import ReportContext

_VERDICT_TONES: Final = {
    "valid": Tone.GOOD,
    "signed": Tone.GOOD,
    "planned": Tone.GOOD,
    "invalid": Tone.BAD,
    "failed": Tone.BAD,
    "not-established": Tone.OPEN,
    "no-signature": Tone.OPEN,
}
_GOOD_VERDICTS: Final = ("valid", "signed", "planned", "skipped", "listed")
_MIN_FILES_FOR_RATE: Final = 100
"""The number of files from which a rate is meaningful."""


class RunOutput(ResultOutput, Protocol):
    """Writes the results of a run."""

    @property
    def detail(self) -> ResultDetail:
        """How much of each result it needs."""
        ...


class TextOutput:
    """Text: totals and problems; with ``show``, also each result as it arrives."""

    def __init__(
        self, done: str, *, detail: ResultDetail, show: Callable[[BatchResult], None] | None, hint: str = ""
    ) -> None:
        """``done`` is what was done with the files; ``hint`` says what to do about files that are not established."""
        self.detail = detail
        self._hint = hint
        self._done = done
        self._show = show

    def add(self, result: BatchResult) -> None:
        """Show a result, if requested."""
        if self._show is not None:
            self._show(result)

    def end(self, summary: RunSummary, seconds: float) -> None:
        """Write the totals, then the problems, so that they are easy to find at the end."""
        to = make_screen()
        done = summary.files - summary.recorded
        rate = f", {done / seconds:.0f} files/s" if done >= _MIN_FILES_FOR_RATE else ""
        to.line(f"{format_count(summary.files, 'file')} {self._done} in {seconds:.1f} s{rate}", Tone.HEADING)
        for verdict in sorted(summary.verdicts, key=(*_GOOD_VERDICTS, *URGENT_VERDICTS).index):
            line = f"  {verdict.replace('-', ' '):17}{summary.verdicts[verdict]:>10}"
            if verdict == "valid" and summary.partial:
                line += f"  {summary.partial} of them only partly covered"
            to.line(line, _VERDICT_TONES.get(verdict, Tone.PLAIN))
        for code, files in sorted(
            summary.blocking_codes.items(), key=lambda each: (each[0] != EXISTING_INVALID, each[0])
        ):
            tone = Tone.BAD if code == EXISTING_INVALID else Tone.OPEN
            to.line(f"  {'warnings':17}{files:>10}  {code}: {_format_blocking_code(code)}", tone)
        if summary.ignored:
            to.line(f"  {summary.ignored} skipped: not DICOM")
        if summary.recorded:
            to.line(f"  {'from journal':17}{summary.recorded:>10}  not processed again")
        named_by = "dcmseal journal export" if summary.recorded else "--json-lines"
        for verdict, results, more in summary.urgent_results():
            to.line()
            to.line(f"{verdict.replace('-', ' ')}:", _VERDICT_TONES[verdict])
            for result in results:
                reason = _format_reason(result)
                to.line(f"  {result.input.source}{f': {reason}' if reason else ''}")
            if more:
                to.line(f"  {'and ' if results else ''}{more} more ({named_by} lists all)")
        if summary.broken:
            to.line()
            to.line(f"{_format_blocking_code(EXISTING_INVALID)}:", Tone.BAD)
            for result in summary.broken:
                to.line(f"  {result.input.source}")
            if more := summary.blocking_codes[EXISTING_INVALID] - len(summary.broken):
                to.line(f"  and {more} more ({named_by} lists all)")
        if self._hint and summary.verdicts["not-established"]:
            to.line()
            to.line(self._hint, Tone.OPEN)
        if summary.stop_error is not None:
            to.line()
            print_error(summary.stop_error, prefix="stopped: ")


def show_result_line(result: BatchResult) -> None:
    """Write the result of a file in one line."""
    reason = f"; {_format_reason(result)}" if result.reason else ""
    if EXISTING_INVALID in result.blocking_codes:
        reason += f"; WARNING: {_format_blocking_code(EXISTING_INVALID)}"
    if others := [code for code in result.blocking_codes if code != EXISTING_INVALID]:
        reason += f"; the signature will not verify as valid: {', '.join(others)}"
    name = result.output or result.input.source
    verdict = "skipped" if result.kind is ResultKind.IGNORED else result.verdict.replace("-", " ")
    make_screen().line(
        f"{name}: {verdict}{reason}",
        Tone.BAD if EXISTING_INVALID in result.blocking_codes else _VERDICT_TONES.get(result.verdict, Tone.PLAIN),
    )


def _format_reason(result: BatchResult) -> str:
    """The reason of a result, without the name of the file, which precedes it."""
    return result.reason.removeprefix(f"{result.input.source} ")


def _format_blocking_code(code: str) -> str:
    """The meaning of the code of a warning."""
    if code == EXISTING_INVALID:
        return "an existing signature is invalid"
    return "the signature will not verify as valid"


class QuietOutput:
    """No output, except errors about missing inputs."""

    detail = ResultDetail.VERDICT

    def add(self, result: BatchResult) -> None:
        """Write an error for each input that was not found."""
        if isinstance(result.input, UnreadableInput) and result.error is not None:
            print_error(result.error, file=result.input.source)

    def end(self, summary: RunSummary, seconds: float) -> None:
        """Write an error if the run stopped early."""
        if summary.stop_error is not None:
            print_error(summary.stop_error, prefix="stopped: ")


class JsonLinesOutput:
    """One line with a JSON document for each file, and a summary."""

    detail = ResultDetail.DOCUMENT

    def __init__(self, context: ReportContext | None = None) -> None:
        self._context = context

    def add(self, result: BatchResult) -> None:
        """Write a result."""
        write_line(format_json_line(result))

    def end(self, summary: RunSummary, seconds: float) -> None:
        """Write the summary."""
        write_line(json.dumps(summary.to_document(seconds, self._context)))


class JsonDocumentOutput:
    """One JSON document of kind ``files``, written as results arrive."""

    detail = ResultDetail.DOCUMENT

    def __init__(self, context: ReportContext | None = None) -> None:
        self._context = context
        self._begun = False

    def add(self, result: BatchResult) -> None:
        """Write a result."""
        from dcmseal.documents.document_builders import files_document

        write_line("," if self._begun else json.dumps(files_document((), self._context)).removesuffix("]}"))
        write_line(format_json_line(result), end="")
        self._begun = True

    def end(self, summary: RunSummary, seconds: float) -> None:
        """End the document."""
        write_line("\n]}")


def format_json_line(result: BatchResult) -> str:
    """A result as a JSON document in one line."""
    return result.document_text or json.dumps(result.to_document())
