"""A journal that is open for writing: its rows, in transactions, by one process at a time."""

from __future__ import annotations

import json
import operator
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from dcmseal.batch.journal import journal_database
from dcmseal.batch.journal.attention_reason import AttentionReason
from dcmseal.batch.journal.file_identity import FileIdentity
from dcmseal.batch.journal.journal_database import damage_error, translate_errors
from dcmseal.batch.journal.journal_schema import (
    MAX_DOCUMENT,
    SqlText,
    decode_text,
    encode_text,
    pack_uid,
    split_path,
    unpack_uid,
)
from dcmseal.batch.journal.result_summary import ResultSummary

if TYPE_CHECKING:
    from dcmseal.documents.json_types import Document

_WRITER_TIMEOUT_MS: Final = 600_000
"""Milliseconds to wait for those who read the journal."""
NO_REASON: Final = AttentionReason()
_MAX_CACHED_FOLDERS: Final = 4096
_MAX_CACHED_SUMMARIES: Final = 1 << 16
"""How many of either are remembered."""


class RecordedResult(NamedTuple):
    """The recorded result of a file."""

    identity: FileIdentity
    summary: ResultSummary
    uid: str
    """Of the signature that was made last; empty if none was."""
    reason: AttentionReason
    recorded_at: int
    """In seconds since 1970."""


class SigningIntent(NamedTuple):
    """A signature that is about to be made, or was when the run died."""

    source: str
    target: str
    uid: str


class JournalStore:
    """The tables of one journal. Errors are JournalError; committed rows stay."""

    def __init__(self, path: str, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._folders: dict[str, int] = {}
        self._summary_ids: dict[ResultSummary, int] = {}
        self._summaries_by_id: dict[int, ResultSummary] = {}
        self._added: Counter[int] = Counter()
        self.is_usable = True
        """No statement has failed so far."""

    @classmethod
    def open(
        cls, path: str, header_rows: dict[str, str], *, lock_timeout: float = journal_database.LOCK_TIMEOUT
    ) -> Self:
        """Open a journal, or create one with this header; raises JournalError if another process has locked it."""
        journal_database.check_writers(path)
        journal_database.create_file(path)
        connection = journal_database.connect(path, lock_timeout)
        try:
            if not journal_database.is_empty(path, connection):
                # nothing is changed in a database of something else
                journal_database.check_schema(path, connection)
            with translate_errors(path):
                # a network file system has no shared memory, which write-ahead logs need
                connection.execute("PRAGMA journal_mode = TRUNCATE")
                connection.execute("PRAGMA synchronous = FULL")
                # the holder of this lock is the only writer; others may read between commits
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(f"PRAGMA busy_timeout = {_WRITER_TIMEOUT_MS}")
            store = cls(path, connection)
            if journal_database.is_empty(path, connection):
                with translate_errors(path):
                    journal_database.create_tables(connection)
                    connection.executemany("INSERT INTO header VALUES (?, ?)", header_rows.items())
                store.commit()
            journal_database.check_schema(path, connection)
        except BaseException:
            connection.close()
            raise
        return store

    def header_rows(self) -> dict[str, str]:
        """Return the rows of the header."""
        rows = self.rows("SELECT name, value FROM header LIMIT 100")
        return {str(name): str(value) for name, value in rows}

    def rows(self, statement: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with translate_errors(self.path):
            return self._connection.execute(statement, tuple(values)).fetchall()

    def _fetch_one(self, statement: str, values: Iterable[object]) -> tuple[Any, ...] | None:
        """Return the first row of a query; None without one."""
        try:
            return next(iter(self.rows(statement, values)), None)
        except BaseException:
            self.is_usable = False
            raise

    def _fetch_value(self, statement: str, key: object) -> Any:
        """Return the single value of a query; raises JournalError without one."""
        found = self._fetch_one(statement, (key,))
        if found is None:
            raise damage_error(self.path)
        return found[0]

    def execute(self, statement: str, values: Iterable[object] = ()) -> sqlite3.Cursor:
        """Execute a statement."""
        try:
            with translate_errors(self.path):
                return self._connection.execute(statement, tuple(values))
        except BaseException:
            self.is_usable = False
            raise

    def commit(self) -> None:
        """Write all rows to disk."""
        if self._added:
            for number, files in self._added.items():
                self.execute("UPDATE summaries SET files = files + ? WHERE id = ?", (files, number))
            self._added.clear()
        self.execute("COMMIT")
        self.execute("BEGIN IMMEDIATE")

    def find_result(self, source: str) -> RecordedResult | None:
        """Find the recorded result of a file."""
        folder, name = split_path(source)
        number = self._find_folder_id(folder)
        if number is None:
            return None
        found = self._fetch_one(
            "SELECT size, mtime_ns, ctime_ns, inode, digest, recorded_at, summary, uid, reason, study, series.series"
            " FROM results"
            " LEFT JOIN reasons USING (folder, name) LEFT JOIN series ON series.id = reasons.series"
            " WHERE results.folder = ? AND results.name = ?",
            (number, encode_text(name)),
        )
        if found is None:
            return None
        *identity, recorded_at, summary, uid, reason, study, series = found
        try:
            return RecordedResult(
                FileIdentity(*identity),
                self._load_summary(summary),
                "" if uid is None else unpack_uid(uid),
                AttentionReason.from_row(reason, study, series),
                operator.index(recorded_at),
            )
        except (TypeError, ValueError):
            raise damage_error(self.path) from None

    def recorded_at(self, source: str) -> int:
        """Return when a file was recorded, in seconds since 1970; -1 if it was not."""
        folder, name = split_path(source)
        number = self._find_folder_id(folder)
        key = (number, encode_text(name))
        row = self._fetch_one("SELECT recorded_at FROM results WHERE folder = ? AND name = ?", key)
        return -1 if row is None else int(row[0])

    def record_result(
        self,
        source: str,
        identity: FileIdentity,
        summary: ResultSummary,
        *,
        recorded_at: int,
        uid: str = "",
        document: Document | None = None,
        reason: AttentionReason = NO_REASON,
    ) -> None:
        """Record a result. It replaces an earlier one of the file, whose UID stays if there is no new one."""
        folder, name = split_path(source)
        key = (self._folder_id(folder), encode_text(name))
        packed = pack_uid(uid) if uid else None
        old = self._fetch_one("SELECT summary, document, uid FROM results WHERE folder = ? AND name = ?", key)
        if old is not None:
            self._added[old[0]] -= 1
            self.execute("DELETE FROM documents WHERE id = ?", (old[1],))
            packed = packed or old[2]
        content = None
        if document is not None:
            content = self._insert_document(json.dumps(document, separators=(",", ":")).encode())
        number = self._summary_id(summary)
        self._added[number] += 1
        self.execute(
            "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*key, *identity, recorded_at, number, packed, content),
        )
        if old is not None:
            self.execute("DELETE FROM reasons WHERE folder = ? AND name = ?", key)
        if reason.is_present:
            self._record_reason(key, reason)

    def _record_reason(self, key: tuple[int, SqlText], reason: AttentionReason) -> None:
        series = self._series_id(reason.study, reason.series) if reason.study or reason.series else None
        self.execute("INSERT INTO reasons VALUES (?, ?, ?, ?)", (*key, encode_text(reason.text), series))

    def _series_id(self, study: str, series: str) -> int:
        self.execute("INSERT OR IGNORE INTO series (study, series) VALUES (?, ?)", (study, series))
        (number,) = self.execute("SELECT id FROM series WHERE study = ? AND series = ?", (study, series)).fetchone()
        return int(number)

    def forget(self, identity: FileIdentity) -> None:
        """Delete the results of all files with this size, time and inode."""
        rows = self.execute(
            "SELECT folder, name, summary, document FROM results"
            " WHERE size = ? AND mtime_ns = ? AND ctime_ns = ? AND inode = ?",
            identity[:4],
        ).fetchall()
        for folder, name, summary, document in rows:
            self._added[summary] -= 1
            self.execute("DELETE FROM documents WHERE id = ?", (document,))
            self.execute("DELETE FROM results WHERE folder = ? AND name = ?", (folder, name))
            self.execute("DELETE FROM reasons WHERE folder = ? AND name = ?", (folder, name))

    def _insert_document(self, document: bytes) -> int | None:
        """Store a document and return its number; None if it is too long."""
        if len(document) > MAX_DOCUMENT:
            return None
        return self.execute("INSERT INTO documents (content) VALUES (?)", (zlib.compress(document),)).lastrowid

    def record_intent(self, intent: SigningIntent) -> None:
        """Record that a signature is about to be made; commit before making it."""
        folder, name = split_path(intent.source)
        target = None if intent.target == intent.source else encode_text(intent.target)
        self.execute(
            "INSERT OR REPLACE INTO intents VALUES (?, ?, ?, ?)",
            (self._folder_id(folder), encode_text(name), target, encode_text(intent.uid)),
        )

    def resolve_intent(self, source: str) -> None:
        """Delete the intent for a file, if there is one."""
        folder, name = split_path(source)
        self.execute("DELETE FROM intents WHERE folder = ? AND name = ?", (self._folder_id(folder), encode_text(name)))

    def intents(self) -> Iterator[SigningIntent]:
        """Return the intents without a result."""
        rows = self.rows("SELECT path, name, target, uid FROM intents JOIN folders ON folders.id = folder")
        for folder, name, target, uid in rows:
            try:
                source = decode_text(folder) + decode_text(name)
                yield SigningIntent(source, source if target is None else decode_text(target), decode_text(uid))
            except (TypeError, ValueError):
                raise damage_error(self.path) from None

    def close(self) -> None:
        """Close the journal, after a commit unless a statement failed."""
        try:
            if self.is_usable:
                self.commit()
        finally:
            self._connection.close()

    def _folder_id(self, path: str) -> int:
        number = self._find_folder_id(path)
        if number is None:
            number = self.execute("INSERT INTO folders (path) VALUES (?)", (encode_text(path),)).lastrowid
            assert number is not None
            self._cache_folder(path, number)
        return number

    def _find_folder_id(self, path: str) -> int | None:
        if path in self._folders:
            return self._folders[path]
        found = self._fetch_one("SELECT id FROM folders WHERE path = ?", (encode_text(path),))
        if found is None:
            return None
        self._cache_folder(path, int(found[0]))
        return self._folders[path]

    def _cache_folder(self, path: str, number: int) -> None:
        if len(self._folders) >= _MAX_CACHED_FOLDERS:
            self._folders.clear()
        self._folders[path] = number

    def _summary_id(self, summary: ResultSummary) -> int:
        if summary not in self._summary_ids:
            text = str(summary)
            self.execute("INSERT OR IGNORE INTO summaries (summary, files) VALUES (?, 0)", (text,))
            self._cache_summary(self._fetch_value("SELECT id FROM summaries WHERE summary = ?", text), summary)
        return self._summary_ids[summary]

    def _load_summary(self, number: int) -> ResultSummary:
        if number not in self._summaries_by_id:
            self._cache_summary(
                number, ResultSummary.parse(self._fetch_value("SELECT summary FROM summaries WHERE id = ?", number))
            )
        return self._summaries_by_id[number]

    def _cache_summary(self, number: int, summary: ResultSummary) -> None:
        if len(self._summary_ids) >= _MAX_CACHED_SUMMARIES:
            self._summary_ids.clear()
            self._summaries_by_id.clear()
        self._summary_ids[summary] = number
        self._summaries_by_id[number] = summary
