"""The content of a journal as JSON documents of the published schema, and as comma-separated values."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import TYPE_CHECKING, Final

from dcmseal.batch.journal.file_identity import UNREADABLE_IDENTITY
from dcmseal.documents.document_parts import format_moment
from dcmseal.documents.json_types import build_document
from dcmseal.text import escape_unprintable

if TYPE_CHECKING:
    from dcmseal.batch.journal.journal_reader import JournalEntry, JournalRun, JournalStatus
    from dcmseal.documents.json_types import Document

_MAX_CELL: Final = 30_000
"""Characters: spreadsheets take no more than 32,767."""
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What begins a formula, in full width as well."""
_HEADINGS: Final = (
    *("file", "kind", "verdict", "exit_code", "codes", "signers", "profiles", "month", "uid", "processed_at", "size"),
)


def build_status_document(status: JournalStatus, path: str) -> Document:
    """Build the document about the progress of a run, of kind ``journal``."""
    return build_document(
        "journal",
        {
            "journal": path,
            "task": status.header.task,
            "shard": status.header.shard,
            "files": status.files,
            "needs_attention": status.attention,
            "remaining": status.remaining,
            "in_progress": status.open_intents,
            "files_per_second": None if status.rate is None else round(status.rate),
            "bytes": status.bytes,
            "verdicts": {**status.verdicts},
            "results": [{**summary.to_document(), "files": files} for summary, files in status.summaries],
            "runs": [_run_to_json(each) for each in status.runs],
        },
    )


def build_entry_document(entry: JournalEntry) -> Document:
    """Build the document about a file, of kind ``journal-entry``; its ``result`` is the stored document, if any."""
    return build_document(
        "journal-entry",
        {
            "file": entry.source,
            **entry.summary.to_document(),
            "uid": entry.uid,
            "processed_at": _format_recorded_at(entry),
            "reason": entry.reason.text,
            "study": entry.reason.study,
            "series": entry.reason.series,
            "result": entry.document,
        },
    )


def iter_json_lines(entries: Iterable[JournalEntry]) -> Iterator[str]:
    """Iterate over documents, one per line, in ASCII."""
    for each in entries:
        yield json.dumps(build_entry_document(each), separators=(",", ":")) + "\n"


def iter_csv_lines(entries: Iterable[JournalEntry]) -> Iterator[str]:
    """Iterate over lines of comma-separated values (RFC 4180) with headings; lists are separated by semicolons.

    Control characters are escaped. Text that a spreadsheet could take for a formula gets an apostrophe in front. JSON
    Lines contain all text unchanged.
    """
    yield _format_csv_row(_HEADINGS)
    for each in entries:
        summary = each.summary
        lists = (";".join(words) for words in (summary.codes, summary.signers, summary.profiles))
        size = "" if each.identity == UNREADABLE_IDENTITY else each.identity.size
        yield _format_csv_row(
            (
                each.source,
                summary.kind,
                summary.verdict,
                summary.exit_code,
                *lists,
                summary.month,
                each.uid,
                _format_recorded_at(each),
                size,
            )
        )


def _format_csv_row(values: Iterable[object]) -> str:
    line = StringIO()
    csv.writer(line).writerow(_format_cell(each) if isinstance(each, str) else each for each in values)
    return line.getvalue()


def _format_cell(text: str) -> str:
    shown = escape_unprintable(text, _MAX_CELL)
    return f"'{shown}" if shown.startswith(_FORMULA_STARTS) else shown


def _format_recorded_at(entry: JournalEntry) -> str | None:
    return format_moment(entry.recorded_at)


def _run_to_json(run: JournalRun) -> Document:
    return {
        "version": run.version,
        "started": format_moment(run.began),
        "ended": format_moment(run.ended),
        "processed": run.result_count,
        "inputs": run.input_count,
    }
