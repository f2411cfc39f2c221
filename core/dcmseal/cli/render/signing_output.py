"""Results of signing or planning files given one by one: one file in full, several in a line each, or JSON."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from dcmseal.cli.error_handling import print_error
from dcmseal.cli.file_arguments import STDIO, display_name
from dcmseal.cli.render.screens import make_screen, write_fields, write_json
from dcmseal.cli.render.signing_text import show_broken, show_plan, show_result
from dcmseal.cli.render.text_layout import format_count
from dcmseal.cli.render.tone import Tone
from dcmseal.cli.standard_streams import standard_error
from dcmseal.documents.document_builders import files_document, signing_document
from dcmseal.signing.plan import Plan
from dcmseal.signing.signing_result import SigningResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcmseal.batch.results import BatchResult
    from dcmseal.batch.run_summary import RunSummary
    from dcmseal.documents.json_types import Document


class PlanOutput:
    """Shows what would be signed."""

    def __init__(self, *, as_json: bool, is_single: bool) -> None:
        self._documents = _Documents(is_single=is_single) if as_json else None

    def add(self, result: BatchResult) -> None:
        """Show a plan or an error."""
        if self._documents is not None:
            self._documents.add(result.to_document())
        elif result.error is not None:
            print_error(result.error, file=display_name(result.input.source))
        elif isinstance(result.value, Plan):
            show_plan(display_name(result.input.source), result.value, make_screen())

    def end(self, summary: RunSummary, seconds: float) -> None:
        """Write the documents, and why the run stopped early."""
        if self._documents is not None:
            self._documents.write()
        if summary.stop_error is not None:
            print_error(summary.stop_error, prefix="stopped: ")


class SigningOutput:
    """Shows the files that were signed."""

    def __init__(
        self, total: int, *, as_json: bool, verbose: bool, quiet: bool, manifests: Mapping[str, str | None]
    ) -> None:
        """``manifests`` are the paths of manifests, by the files that were signed."""
        self._total = total
        self._documents = _Documents(is_single=total == 1) if as_json else None
        self._verbose = verbose
        self._quiet = quiet
        self._manifests = manifests

    def add(self, result: BatchResult) -> None:
        """Show a signature or an error."""
        source = result.input.source
        if isinstance(result.value, SigningResult):
            if self._documents is not None:
                manifest = self._manifests[source]
                self._documents.add(signing_document(result.value, source, result.output, manifest))
            elif not self._quiet:
                self._show(source, result.output, result.value)
        elif self._documents is not None:
            self._documents.add(result.to_document())
        elif result.error is not None:
            print_error(result.error, file=display_name(source))

    def end(self, summary: RunSummary, seconds: float) -> None:
        """Write the documents or the totals, and why the run stopped early."""
        if self._documents is not None:
            self._documents.write()
        elif self._total > 1 and not self._quiet:
            signed = summary.changed
            make_screen().line(f"{signed} of {format_count(self._total, 'file')} signed", Tone.HEADING)
        if summary.stop_error is not None:
            print_error(summary.stop_error, prefix="stopped: ")

    def _show(self, source: str, target: str, result: SigningResult) -> None:
        if self._total == 1:
            self._show_single(source, target, result)
        elif self._verbose:
            show_result(target, result, make_screen(), verbose=True)
        else:
            show_broken(target, result.warnings, make_screen())
            warnings = f", {format_count(len(result.warnings), 'warning')}" if result.warnings else ""
            signed = format_count(len(result.signature.mac.elements) if result.signature.mac else 0, "element")
            make_screen().line(f"{target}: signed ({signed}{warnings})", Tone.GOOD)

    def _show_single(self, source: str, target: str, result: SigningResult) -> None:
        """Show all about a signature: on standard error if the file itself went to standard output."""
        to_stdout = target == STDIO
        to = make_screen(standard_error() if to_stdout else None)
        show_result("standard output" if to_stdout else target, result, to, verbose=self._verbose)
        manifest = self._manifests[source]
        if manifest is not None:
            write_fields(to, [("manifest", manifest)])
        if not to_stdout:
            to.line(f"verify with: dcmseal verify {shlex.quote(target)} --integrity-only")


class _Documents:
    """JSON documents, which are written at the end."""

    def __init__(self, *, is_single: bool) -> None:
        self._is_single = is_single
        self._documents: list[Document] = []

    def add(self, document: Document) -> None:
        self._documents.append(document)

    def write(self) -> None:
        write_json(self._documents[0] if self._is_single else files_document(self._documents))
