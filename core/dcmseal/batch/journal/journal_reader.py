"""Reading a journal, even while a run writes it: its progress, and the result of each file.

>>> from dcmseal.batch.inputs.discovery import iter_inputs
>>> from dcmseal.batch.journal.run_journal import Journal
>>> from dcmseal.batch.journal.journal_settings import JournalSettings
>>> from dcmseal.batch.pool.runner import run_task
>>> from dcmseal.batch.tasks.task import VerifyTask
>>> from dcmseal.verification.verification_options import VerifyOptions
>>> task = VerifyTask(options=VerifyOptions(integrity_only=True))
>>> with Journal.open(JournalSettings(path="run.journal"), task) as running:
...     results = list(run_task(iter_inputs(["signed.dcm"]), task, journal=running))
>>> with JournalReader.open("run.journal") as journal:
...     status = journal.status()
...     [(summary.verdict, files) for summary, files in status.summaries]
...     [entry.source for entry in journal.iter_entries()]
[('valid', 1)]
['signed.dcm']
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import Struct

from dcmseal.batch.journal import journal_database
from dcmseal.batch.journal.attention_reason import AttentionReason
from dcmseal.batch.journal.file_identity import FileIdentity
from dcmseal.batch.journal.journal_database import damage_error, translate_errors
from dcmseal.batch.journal.journal_header import JournalHeader
from dcmseal.batch.journal.journal_schema import MAX_DOCUMENT, decode_text, unpack_uid
from dcmseal.batch.journal.result_summary import ResultSummary
from dcmseal.documents.json_reader import JsonObjectReader, load_json

if TYPE_CHECKING:
    from dcmseal.documents.json_types import Document

_PAGE_ROWS: Final = 1000
"""Rows to read at once; a writer can continue in between."""
_ENTRIES_QUERY: Final = (
    "SELECT results.folder, path, results.name, size, mtime_ns, ctime_ns, inode, digest, recorded_at, summary, uid,"
    " document, reason, study, series.series FROM results JOIN folders ON folders.id = results.folder"
    " LEFT JOIN reasons USING (folder, name) LEFT JOIN series ON series.id = reasons.series"
    " WHERE (results.folder, results.name) > (?, ?) ORDER BY results.folder, results.name LIMIT ?"
)
_RUNS_QUERY: Final = "SELECT version, began, ended, result_count, input_count FROM runs ORDER BY id LIMIT 10000"
_SUMMARIES_QUERY: Final = "SELECT id, summary, files FROM summaries WHERE files > 0 LIMIT 1000000"


class JournalRun(Struct, frozen=True, kw_only=True):
    """One process that wrote the journal."""

    version: str
    """Of dcmseal."""
    began: datetime
    ended: datetime
    """When it was last heard of."""
    result_count: int
    input_count: int | None
    """Files that it came across; None if it did not come to the end."""


class JournalStatus(Struct, frozen=True, kw_only=True):
    """The progress of a run, and its results in numbers."""

    header: JournalHeader
    summaries: tuple[tuple[ResultSummary, int], ...]
    """What came of the files, and of how many; the most frequent first."""
    runs: tuple[JournalRun, ...]
    open_intents: int
    """Signatures that were announced and have no result: a run is going on, or died."""
    bytes: int
    """Size of the journal."""

    @property
    def files(self) -> int:
        """The number of files with a result."""
        return sum(files for _, files in self.summaries)

    @property
    def verdicts(self) -> dict[str, int]:
        """The number of files of each verdict, the most frequent first."""
        verdicts: Counter[str] = Counter()
        for summary, files in self.summaries:
            verdicts[summary.verdict] += files
        return dict(verdicts.most_common())

    @property
    def attention(self) -> int:
        """The number of files that are invalid or failed."""
        return sum(files for summary, files in self.summaries if summary.needs_attention)

    @property
    def remaining(self) -> int | None:
        """The number of files without a result when they were last counted; None if no run was completed."""
        found = self.runs[-1].input_count if self.runs else None
        return None if found is None else max(0, found - self.files)

    @property
    def rate(self) -> float | None:
        """Files per second in the last run that recorded any."""
        for run in reversed(self.runs):
            seconds = (run.ended - run.began).total_seconds()
            if run.result_count and seconds > 0:
                return run.result_count / seconds
        return None


class JournalEntry(Struct, frozen=True, kw_only=True):
    """The result of a file."""

    source: str
    identity: FileIdentity
    recorded_at: datetime
    summary: ResultSummary
    uid: str
    """Digital Signature UID of the last signature that was made; empty without one."""
    document: Document | None
    """The JSON document of the result, if it was stored."""
    reason: AttentionReason
    """Why it needs attention, as text, with its study and series; empty if it needs none."""


class JournalReader:
    """A journal that is open for reading. All methods raise JournalError if it is damaged."""

    def __init__(self, path: str, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._summaries: dict[int, tuple[ResultSummary, int]] = {}

    @classmethod
    @contextmanager
    def open(
        cls, path: str, *, exclusive: bool = False, lock_timeout: float = journal_database.LOCK_TIMEOUT
    ) -> Generator[JournalReader]:
        """Open a journal as a context manager.

        Args:
            path: The journal.
            exclusive: Refuse a journal that a run is writing.
            lock_timeout: Seconds to wait for another process that has locked the journal.

        Raises:
            JournalError: The file is not a journal, is damaged, or is in use.
        """
        connection = journal_database.connect(path, lock_timeout)
        try:
            journal_database.check_schema(path, connection)
            if exclusive:
                with translate_errors(path):
                    connection.execute("BEGIN IMMEDIATE")
            yield cls(path, connection)
        finally:
            connection.close()

    def status(self) -> JournalStatus:
        """Read the progress of the run."""
        header = self.header()
        self._read_summaries()
        with self._translate_damage():
            runs = tuple(map(_read_run, self._fetch_rows(_RUNS_QUERY)))
            (intents,) = self._fetch_rows("SELECT count(*) FROM intents")[0]
            return JournalStatus(
                header=header,
                summaries=tuple(sorted(self._summaries.values(), key=lambda each: (-each[1], str(each[0])))),
                runs=runs,
                open_intents=intents,
                bytes=os.path.getsize(self._path),
            )

    def header(self) -> JournalHeader:
        """Read the header."""
        with self._translate_damage():
            rows = self._fetch_rows("SELECT name, value FROM header LIMIT 100")
            return JournalHeader.from_rows(self._path, {decode_text(name): decode_text(value) for name, value in rows})

    def iter_entries(self, *, attention_only: bool = False) -> Iterator[JournalEntry]:
        """Iterate over the results of all files, folder by folder, in bounded memory.

        Args:
            attention_only: Skip files that are neither invalid nor failed.

        Raises:
            JournalError: The journal is damaged.
        """
        self._read_summaries()
        last: tuple[object, object] = (-1, "")
        while True:
            rows = self._fetch_rows(_ENTRIES_QUERY, (*last, _PAGE_ROWS))
            if not rows:
                return
            for row in rows:
                with self._translate_damage():
                    summary, _ = self._summary(row[9])
                    if not attention_only or summary.needs_attention:
                        yield self._read_entry(row, summary)
            last = (rows[-1][0], rows[-1][2])

    def _read_entry(self, row: tuple[Any, ...], summary: ResultSummary) -> JournalEntry:
        _, path, name, size, mtime_ns, ctime_ns, inode, digest, recorded_at, _, uid, document, *reason = row
        content = None
        if document is not None:
            content = self._read_document(document)
        return JournalEntry(
            source=decode_text(path) + decode_text(name),
            identity=FileIdentity(
                int(size),
                int(mtime_ns),
                int(ctime_ns),
                int(inode),
                digest if isinstance(digest, bytes) else None,
            ),
            recorded_at=datetime.fromtimestamp(int(recorded_at), UTC),
            summary=summary,
            uid="" if uid is None else unpack_uid(uid),
            document=content,
            reason=AttentionReason.from_row(*reason),
        )

    def _read_document(self, number: int) -> Document:
        ((content,),) = self._fetch_rows("SELECT content FROM documents WHERE id = ?", (number,))
        inflater = zlib.decompressobj()
        data = inflater.decompress(content, MAX_DOCUMENT)
        if not inflater.eof:
            raise ValueError("a document is cut short, or too long")
        document = JsonObjectReader(load_json(data, "the document", MAX_DOCUMENT), "the document").remaining()
        return cast("Document", document)

    def _summary(self, number: int) -> tuple[ResultSummary, int]:
        if number not in self._summaries:
            # a run that goes on has found another
            self._read_summaries()
        return self._summaries[number]

    def _read_summaries(self) -> None:
        with self._translate_damage():
            rows = self._fetch_rows(_SUMMARIES_QUERY)
            self._summaries = {
                int(number): (ResultSummary.parse(decode_text(summary)), int(files)) for number, summary, files in rows
            }

    def _fetch_rows(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with translate_errors(self._path):
            return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def _translate_damage(self) -> Generator[None]:
        """Translate errors about invalid values to JournalError."""
        try:
            yield
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            OSError,
            RecursionError,
            TypeError,
            ValueError,
            zlib.error,
        ):
            raise damage_error(self._path) from None


def _read_run(row: tuple[Any, ...]) -> JournalRun:
    version, began, ended, result_count, input_count = row
    return JournalRun(
        version=decode_text(version),
        began=datetime.fromtimestamp(began, UTC),
        ended=datetime.fromtimestamp(ended, UTC),
        result_count=int(result_count),
        input_count=None if input_count is None else int(input_count),
    )
