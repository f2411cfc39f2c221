"""The task of planning the signatures of many files: a dry run, without a key and without writing anything.

>>> from dcmseal.batch.inputs.input_file import InputFile
>>> from dcmseal.batch.tasks.sign_task import Placement, SignTask
>>> with PlanTask(SignTask(run_id="", placement=Placement(), key="")).open() as worker:
...     result = worker.run(InputFile(source="image.dcm", relative="image.dcm"))
>>> result.verdict, result.to_document()["document"]
('planned', 'plan')
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.result_kind import ResultKind
from dcmseal.batch.results import BatchResult
from dcmseal.batch.tasks.item_runner import never_fatal, run_item
from dcmseal.batch.tasks.placement import target_exists_error
from dcmseal.batch.tasks.sign_task import SignTask, blocking_codes
from dcmseal.batch.tasks.skip_rule import skip_result
from dcmseal.exit_codes import ExitCode

if TYPE_CHECKING:
    from dcmseal.signing.plan import Plan
    from dcmseal.signing.signing_context import SigningContext


class PlanTask(Struct, frozen=True):
    """A dry run of signing."""

    sign_task: SignTask
    """What would be done. Its key and run count for nothing; its ``form`` is that of the plans."""

    @property
    def preload_modules(self) -> tuple[str, ...]:
        """The modules that planning needs."""
        return self.sign_task.preload_modules

    @property
    def output_folder(self) -> None:
        """None, because nothing is written."""

    @contextmanager
    def open(self) -> Generator[PlanningWorker]:
        """Load the profiles; raises UsageError, ProfileError or PluginError."""
        yield PlanningWorker(self.sign_task, self.sign_task.build_context())

    def remove_leftovers(self, item: InputFile) -> None:
        """Do nothing, because nothing is written."""


class PlanningWorker:
    """Plans the signature of one file after the other."""

    def __init__(self, task: SignTask, context: SigningContext) -> None:
        self._task = task
        self._context = context
        self._registry = context.registry()

    def run(self, item: InputFile) -> BatchResult:
        """Plan the signature of a file."""
        return run_item(item, self._task.detail, self._plan, is_fatal=never_fatal)

    def _plan(self, item: InputFile) -> BatchResult:
        from dcmseal.signing.plan import plan_signature

        if skipped := skip_result(item, self._task.skip, self._registry):
            return skipped
        placement = self._task.placement
        target = placement.target_path(item)
        if not placement.is_free(target, self._registry):
            raise target_exists_error(target)
        with plan_signature(item.source, self._context) as plan:
            return BatchResult(
                input=item,
                kind=ResultKind.PLANNED,
                exit_code=ExitCode.OK,
                verdict=ResultKind.PLANNED.value,
                document_text=self._format_document(plan, item.source),
                blocking_codes=blocking_codes(plan.warnings),
            )

    def _format_document(self, plan: Plan, source: str) -> str:
        """Format the document of a plan, which cannot be sent itself, because it keeps the file open."""
        if not self._task.detail.has_document:
            return ""
        from dcmseal.documents.document_builders import plan_document

        return json.dumps(plan_document(plan, source), separators=(",", ":"))
