"""Results of plans and signatures: one file in full, several files in one line each, or JSON."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from dcmseal.batch.exit_codes import ExitCode, error_exit_code, worst_exit_code
from dcmseal.cli.error_handling import print_error
from dcmseal.cli.error_hints import to_shell_hint
from dcmseal.cli.file_arguments import STDIO, display_name
from dcmseal.cli.render.screens import make_screen, write_fields, write_json
from dcmseal.cli.render.signing_text import show_broken, show_plan, show_result
from dcmseal.cli.render.text_layout import format_count
from dcmseal.cli.render.tone import Tone
from dcmseal.cli.run.file_jobs import Job
from dcmseal.cli.standard_streams import standard_error
from dcmseal.documents.document_builders import error_document, files_document, plan_document, signing_document
from dcmseal.documents.json_types import Document

if TYPE_CHECKING:
    from dcmseal.errors import SealError
    from dcmseal.signing.plan import Plan
    from dcmseal.signing.signing_result import SigningResult


class _FileReport:
    """The common part of reports about plans and signatures."""

    def __init__(self, total: int, *, as_json: bool) -> None:
        self._total = total
        self._as_json = as_json
        self._documents: list[Document] = []
        self._codes: list[ExitCode] = []

    def add_error(self, job: Job, error: SealError) -> None:
        """Report an error in a file; if it is the only file, the error ends the command."""
        if self._total == 1:
            raise error
        self._codes.append(error_exit_code(error))
        if self._as_json:
            self._documents.append(error_document(to_shell_hint(error), self._codes[-1], job.source))
        else:
            print_error(error, file=display_name(job.source))

    def finish(self) -> ExitCode:
        """Write the JSON document, if requested; returns the exit code of the worst file."""
        if self._as_json:
            write_json(self._documents[0] if self._total == 1 else files_document(self._documents))
        return worst_exit_code(self._codes)


class PlanReport(_FileReport):
    """Files that would be signed."""

    def add_plan(self, job: Job, plan: Plan) -> None:
        """Report what would be signed."""
        if self._as_json:
            self._documents.append(plan_document(plan, job.source))
        else:
            show_plan(display_name(job.source), plan, make_screen())


class SigningReport(_FileReport):
    """Files that were signed."""

    def __init__(self, total: int, *, as_json: bool, verbose: bool, quiet: bool) -> None:
        super().__init__(total, as_json=as_json)
        self._verbose = verbose
        self._quiet = quiet

    def add_result(self, job: Job, result: SigningResult, manifest: str | None = None) -> None:
        """Report what was signed; on standard error if the file went to standard output."""
        if self._as_json:
            self._documents.append(signing_document(result, job.source, job.target, manifest))
        elif self._quiet:
            pass
        elif self._total == 1:
            self._show(job, result, manifest)
        elif self._verbose:
            show_result(job.target, result, make_screen(), verbose=True)
        else:
            show_broken(job.target, result.warnings, make_screen())
            warnings = f", {format_count(len(result.warnings), 'warning')}" if result.warnings else ""
            signed = format_count(len(result.signature.mac.elements) if result.signature.mac else 0, "element")
            make_screen().line(f"{job.target}: signed ({signed}{warnings})", Tone.GOOD)
        self._codes.append(ExitCode.OK)

    def finish(self) -> ExitCode:
        if self._total > 1 and not self._as_json and not self._quiet:
            done = self._codes.count(ExitCode.OK)
            make_screen().line(f"{done} of {format_count(self._total, 'file')} signed", Tone.HEADING)
        return super().finish()

    def _show(self, job: Job, result: SigningResult, manifest: str | None) -> None:
        to_stdout = job.output == STDIO
        to = make_screen(standard_error() if to_stdout else None)
        show_result("standard output" if to_stdout else job.target, result, to, verbose=self._verbose)
        if manifest is not None:
            write_fields(to, [("manifest", manifest)])
        if not to_stdout:
            to.line(f"verify with: dcmseal verify {shlex.quote(job.target)} --integrity-only")
