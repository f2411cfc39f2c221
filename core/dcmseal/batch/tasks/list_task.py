"""The task of listing the signatures of many files."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from msgspec import Struct

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.result_kind import ResultDetail, ResultKind
from dcmseal.batch.results import BatchResult
from dcmseal.batch.tasks.item_runner import never_fatal, run_item
from dcmseal.exit_codes import ExitCode


class ListTask(Struct, frozen=True, kw_only=True):
    """List the signatures of each file, like ``dcmseal.signatures``."""

    detail: ResultDetail = ResultDetail.VALUE

    @property
    def preload_modules(self) -> tuple[str, ...]:
        """The modules that listing needs."""
        return (
            "dcmseal.api.inspect",
            "dcmseal.macro.inspection",
            "dcmseal.documents.document_builders",
            "dcmseal.batch.journal.result_summary",
            "cryptography.x509",
        )

    @property
    def output_folder(self) -> None:
        """None, because nothing is written."""

    @contextmanager
    def open(self) -> Generator[ListingWorker]:
        """Open the task; it needs nothing."""
        yield ListingWorker(self.detail)

    def remove_leftovers(self, item: InputFile) -> None:
        """Do nothing, because nothing is written."""


class ListingWorker:
    """Lists the signatures of one file after the other."""

    def __init__(self, detail: ResultDetail) -> None:
        self._detail = detail

    def run(self, item: InputFile) -> BatchResult:
        """List the signatures of a file."""
        return run_item(item, self._detail, _list_signatures, is_fatal=never_fatal)


def _list_signatures(item: InputFile) -> BatchResult:
    from dcmseal.api.inspect import signatures

    found = signatures(item.source)
    return BatchResult(
        input=item,
        kind=ResultKind.LISTED,
        exit_code=ExitCode.OK if found else ExitCode.NO_SIGNATURE,
        verdict=ResultKind.LISTED.value if found else "no-signature",
        value=found,
    )
