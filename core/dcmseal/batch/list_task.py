"""Listing the signatures of many files as a task."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from dcmseal.batch.items import Item
from dcmseal.batch.results import Form, Kind, Result
from dcmseal.batch.working import nothing_ends, worked_on
from dcmseal.exit_codes import ExitCode


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTask:
    """What ``dcmseal.signatures`` is asked, for many files."""

    detail: Form = Form.VALUE

    @property
    def preload_modules(self) -> tuple[str, ...]:
        """What it takes to list, and to tell of it."""
        return (
            "dcmseal.engine.asking",
            "dcmseal.engine.inspection",
            "dcmseal.batch.result_documents",
            "cryptography.x509",
        )

    @property
    def output_folder(self) -> None:
        """Nothing is written."""

    @contextmanager
    def open(self) -> Generator[ListingWorker]:
        """There is nothing to be made ready."""
        yield ListingWorker(self.detail)

    def remove_leftovers(self, item: Item) -> None:
        """Nothing is ever left behind."""


class ListingWorker:
    """Lists the signatures of one file after the other."""

    def __init__(self, detail: Form) -> None:
        self._detail = detail

    def run(self, item: Item) -> Result:
        """List the signatures of a file."""
        return worked_on(item, self._detail, _listed, is_fatal=nothing_ends)


def _listed(item: Item) -> Result:
    from dcmseal.engine.asking import signatures

    found = signatures(item.source)
    return Result(
        input=item,
        kind=Kind.LISTED,
        exit_code=ExitCode.OK if found else ExitCode.NO_SIGNATURE,
        verdict=Kind.LISTED.value if found else "no-signature",
        value=found,
    )
