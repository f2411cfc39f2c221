"""Opening of journals, which may be damaged, hostile, or databases of other programs; errors are JournalError."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dcmseal.batch.journal.journal_schema import APPLICATION_ID, SCHEMA_VERSION, TABLES
from dcmseal.errors import JournalError
from dcmseal.output.folder import sync_folder
from dcmseal.plugins.ownership import ForeignWriter, find_foreign_writer, find_replacer

_MAX_VALUE_BYTES: Final = 32 << 20
"""Maximum size in bytes of a value or statement of SQLite."""
LOCK_TIMEOUT: Final = 5.0
"""Seconds to wait for another process that has locked the journal."""
_SQLITE_SUFFIXES: Final = ("-journal", "-wal", "-shm")
"""Suffixes of the files that SQLite keeps beside a database."""
_ERROR_TEXTS: Final = (
    ("SQLITE_BUSY", "is in use by another process", "wait until that has ended, or give each process its own journal"),
    (
        "SQLITE_LOCKED",
        "is in use by another process",
        "wait until that has ended, or give each process its own journal",
    ),
    ("SQLITE_FULL", "cannot be written: no space is left", "free some, and start again: the run goes on"),
    ("SQLITE_READONLY", "cannot be written: it is read-only", "check permissions of file and folder"),
    ("SQLITE_CANTOPEN", "cannot be opened", "check path and permissions"),
    ("SQLITE_IOERR", "cannot be read or written", "check its disk and free space, and start again: the run goes on"),
    ("SQLITE_NOTADB", "is not a journal", "name a file that does not exist yet, or the journal of an earlier run"),
)


@contextmanager
def translate_errors(path: str) -> Generator[None]:
    """Translate errors of SQLite to JournalError as a context manager."""
    try:
        yield
    except sqlite3.Error as error:
        raise _to_journal_error(path, error) from None
    except (OverflowError, UnicodeError):
        # numbers and text that dcmseal does not write
        raise damage_error(path) from None


def _to_journal_error(path: str, error: sqlite3.Error) -> JournalError:
    # errors that the module itself raises, such as invalid Unicode, have no name
    name: str = getattr(error, "sqlite_errorname", "")
    for prefix, what, hint in _ERROR_TEXTS:
        if name.startswith(prefix):
            return JournalError(f"the journal {path} {what}", hint=hint)
    return damage_error(path)


def damage_error(path: str) -> JournalError:
    """Build the error for a journal with content that dcmseal does not write."""
    return JournalError(
        f"the journal {path} is damaged", hint="continue with an earlier copy of it, or start again with another file"
    )


def find_journal_writer(path: str) -> ForeignWriter | None:
    """Find another user who can write a journal, or could create it, or can write the files of SQLite beside it.

    SQLite applies a rollback journal (``-journal``) before it reads anything.
    """
    real = os.path.realpath(path)
    beside = (f"{real}{suffix}" for suffix in _SQLITE_SUFFIXES if os.path.lexists(f"{real}{suffix}"))
    found = (find_foreign_writer(each) for each in (path, *beside))
    return next((each for each in found if each), None) or find_replacer(path)


def check_writers(path: str) -> None:
    """Refuse a journal that another user could have written, because its verdicts would be trusted.

    Raises:
        JournalError: Another user can write the journal.
    """
    found = find_journal_writer(path)
    if found:
        raise JournalError(
            f"the journal {path} is not trusted: {found.message}",
            hint=f"{found.hint}; if others may have written it, start again with another journal",
        )


def create_file(path: str) -> bool:
    """Create a file for a journal that only its owner can read, because file names can identify patients.

    Returns:
        False if the file exists.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        sync_folder(os.path.dirname(path))
    except FileExistsError:
        return False
    except OSError as error:
        raise JournalError(
            f"the journal {path} cannot be made: {error.strerror or error}", hint="check path and permissions"
        ) from None
    return True


def connect(path: str, timeout: float = LOCK_TIMEOUT) -> sqlite3.Connection:
    """Connect to an existing file, without reading or trusting its content."""
    if not os.path.isfile(path):
        what = "is not a regular file" if os.path.exists(path) else "does not exist"
        raise JournalError(f"the journal {path} {what}", hint="name the journal of an earlier run")
    with translate_errors(path):
        uri = f"{Path(path).absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        return connection


def check_schema(path: str, connection: sqlite3.Connection) -> None:
    """Refuse a file that is not a journal, or whose tables, triggers or views differ from those of this version."""
    with translate_errors(path):
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        found = dict(connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))
    if application != APPLICATION_ID:
        raise JournalError(
            f"{path} is not a journal", hint="name a file that does not exist yet, or the journal of an earlier run"
        )
    if version != SCHEMA_VERSION:
        raise JournalError(
            f"the journal {path} has tables of version {version}, and this dcmseal reads version {SCHEMA_VERSION} only",
            hint="continue with the version of dcmseal that made it, or name another file to start again",
        )
    if found != TABLES:
        raise damage_error(path)


def is_empty(path: str, connection: sqlite3.Connection) -> bool:
    """Whether a journal has no tables yet, because the process that created it died."""
    with translate_errors(path):
        return not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]


def create_tables(connection: sqlite3.Connection) -> None:
    """Create the tables inside a transaction; raises errors of SQLite."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    for statement in TABLES.values():
        connection.execute(statement)
