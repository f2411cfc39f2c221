"""What a journal holds as JSON documents of the published schema, and as comma-separated values."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import TYPE_CHECKING, Final

from dcmseal.batch.journal.identity import UNFOUND
from dcmseal.engine.certificate_values import moment_value
from dcmseal.engine.json_values import document
from dcmseal.visible import printable

if TYPE_CHECKING:
    from dcmseal.batch.journal.reading import Entry, Run, Status
    from dcmseal.engine.json_values import Document

_LONGEST_CELL: Final = 30_000
"""Characters: spreadsheets take no more than 32,767."""
_FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What begins a formula, in full width as well."""
_HEADINGS: Final = (
    *("file", "kind", "verdict", "exit_code", "codes", "signers", "profiles", "month", "uid", "judged", "size"),
)


def status_document(status: Status, path: str) -> Document:
    """How far a run is, of kind ``journal``."""
    return document(
        "journal",
        {
            "journal": path,
            "task": status.header.task,
            "shard": status.header.shard,
            "files": status.files,
            "attention": status.attention,
            "left": status.remaining,
            "in_hand": status.open_intents,
            "files_per_second": None if status.rate is None else round(status.rate),
            "bytes": status.bytes,
            "verdicts": {**status.verdicts},
            "results": [{**gist.to_document(), "files": files} for gist, files in status.summaries],
            "runs": [_run(each) for each in status.runs],
        },
    )


def entry_document(entry: Entry) -> Document:
    """What came of a file, of kind ``recorded``; ``result`` is the document of the result, if it was kept."""
    return document(
        "recorded",
        {
            "file": entry.source,
            **entry.summary.to_document(),
            "uid": entry.uid,
            "judged": _moment(entry),
            "reason": entry.reason.text,
            "study": entry.reason.study,
            "series": entry.reason.series,
            "result": entry.document,
        },
    )


def json_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """A document a line, in ASCII."""
    for each in entries:
        yield json.dumps(entry_document(each), separators=(",", ":")) + "\n"


def csv_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Comma-separated values (RFC 4180), with headings; several values of a kind are separated by semicolons.

    Control characters are written as escapes. A text that a spreadsheet would take for a formula has an apostrophe in
    front of it, which makes it a text there. JSON Lines have all texts as they are.
    """
    yield _csv(_HEADINGS)
    for each in entries:
        gist = each.summary
        lists = (";".join(words) for words in (gist.codes, gist.signers, gist.profiles))
        size = "" if each.identity == UNFOUND else each.identity.size
        yield _csv(
            (each.source, gist.kind, gist.verdict, gist.exit_code, *lists, gist.month, each.uid, _moment(each), size)
        )


def _csv(values: Iterable[object]) -> str:
    line = StringIO()
    csv.writer(line).writerow(_cell(each) if isinstance(each, str) else each for each in values)
    return line.getvalue()


def _cell(text: str) -> str:
    shown = printable(text, _LONGEST_CELL)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def _moment(entry: Entry) -> str | None:
    return moment_value(entry.recorded_at)


def _run(run: Run) -> Document:
    return {
        "version": run.version,
        "began": moment_value(run.began),
        "ended": moment_value(run.ended),
        "judged": run.result_count,
        "found": run.input_count,
    }
