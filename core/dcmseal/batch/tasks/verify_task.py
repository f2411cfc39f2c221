"""The task of verifying many files: each worker loads trust settings and profiles once."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.result_kind import ResultDetail
from dcmseal.batch.results import BatchResult
from dcmseal.batch.tasks.item_runner import never_fatal, run_item
from dcmseal.verification.verification_options import VerifyOptions

if TYPE_CHECKING:
    from dcmseal.model.report import VerificationReport
    from dcmseal.plugins.registry import Registry
    from dcmseal.verification.verification_context import VerificationContext

_MODULES: Final = (
    "dcmseal.api.verify",
    "dcmseal.verification.level_coverage",
    "dcmseal.verification.pipeline",
    "cryptography.x509",
)
"""Modules that are needed to verify any file."""
_PLUGIN_MODULES: Final = ("dcmseal.plugins.registry", "dcmseal.macro.profile_view", "importlib.metadata", "pluggy")
"""Modules that are needed besides where plugins have a say."""
_DOCUMENT_MODULES: Final = (
    "dcmseal.documents.document_builders",
    "dcmseal.documents.verdict_document",
    "dcmseal.batch.journal.result_summary",
)
"""Modules that are also needed if a result has more than the verdict."""


class VerifyTask(Struct, frozen=True, kw_only=True):
    """Verify each file with these options."""

    options: VerifyOptions = VerifyOptions()
    registry: Registry | None = None
    """The plugins; None for all that are installed where the worker is."""
    detail: ResultDetail = ResultDetail.VALUE
    full_documents: bool = False
    """Documents list all findings and elements."""

    @property
    def preload_modules(self) -> tuple[str, ...]:
        """The modules that verification needs."""
        options = self.options
        with_plugins = options.name_profiles or options.policy is not None or options.trust is not None
        return (
            *_MODULES,
            *(_PLUGIN_MODULES if with_plugins else ()),
            *(() if self.detail is ResultDetail.VERDICT else _DOCUMENT_MODULES),
        )

    @property
    def output_folder(self) -> None:
        """None, because nothing is written."""

    @contextmanager
    def open(self) -> Generator[VerifyingWorker]:
        """Load trust settings and profiles; raises TrustError, UsageError, ProfileError or PluginError."""
        from dcmseal.api.verify import build_context

        yield VerifyingWorker(self, build_context(self.options, self.registry))

    def remove_leftovers(self, item: InputFile) -> None:
        """Nothing is ever left behind."""


class VerifyingWorker:
    """Verifies one file after the other."""

    def __init__(self, task: VerifyTask, context: VerificationContext) -> None:
        from dcmseal.api.verify import verify_source

        self._verify_source = verify_source
        self._context = context
        self._folders = task.options.references
        self._registry = task.registry
        self._detail = task.detail
        self._full_documents = task.full_documents

    def run(self, item: InputFile) -> BatchResult:
        """Verify a file."""
        return run_item(item, self._detail, self._verify, is_fatal=never_fatal)

    def _verify(self, item: InputFile) -> BatchResult:
        report = self._verify_source(item.source, self._context, self._folders, self._registry)
        result = BatchResult.from_report(item, report)
        if self._detail is ResultDetail.VERDICT:
            return result._replace(value=None, instance=None)
        return result._replace(document_text=self._format_document(report, item.source))

    def _format_document(self, report: VerificationReport, source: str) -> str:
        """Format the document if only its text is sent back."""
        if self._detail is ResultDetail.VALUE or not self._detail.has_document:
            return ""
        if self._full_documents:
            from dcmseal.documents.document_builders import report_document

            return json.dumps(report_document(report, source), separators=(",", ":"))
        from dcmseal.documents.verdict_document import format_verdict_line

        return format_verdict_line(report, source)
