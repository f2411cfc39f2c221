"""The tables of a journal and the encoding of their values, which ``docs/reference/journal.md`` describes.

>>> split_path("archive/2026/a.dcm")
('archive/2026/', 'a.dcm')
>>> unpack_uid(pack_uid("2.25.4711"))
'2.25.4711'
"""

from __future__ import annotations

import os
from typing import Final, TypeAlias

APPLICATION_ID: Final = 0x6463736A
"""The application that the header of the file names: ``dcsj``."""
SCHEMA_VERSION: Final = 4
"""``PRAGMA user_version``: the version of these tables."""

SqlText: TypeAlias = str | bytes
"""Text; or bytes, of a name that is not valid Unicode."""

TABLES: Final = {
    "header": "CREATE TABLE header (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "runs": (
        "CREATE TABLE runs (id INTEGER PRIMARY KEY, version TEXT NOT NULL, began REAL NOT NULL, ended REAL NOT NULL,"
        " result_count INTEGER NOT NULL, input_count INTEGER)"
    ),
    "folders": "CREATE TABLE folders (id INTEGER PRIMARY KEY, path NOT NULL UNIQUE)",
    "summaries": (
        "CREATE TABLE summaries (id INTEGER PRIMARY KEY, summary TEXT NOT NULL UNIQUE, files INTEGER NOT NULL)"
    ),
    "documents": "CREATE TABLE documents (id INTEGER PRIMARY KEY, content BLOB NOT NULL)",
    "results": (
        "CREATE TABLE results (folder INTEGER NOT NULL, name NOT NULL,"
        " size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,"
        " digest BLOB,"
        " recorded_at INTEGER NOT NULL, summary INTEGER NOT NULL, uid, document INTEGER,"
        " PRIMARY KEY (folder, name)) WITHOUT ROWID"
    ),
    "series": (
        "CREATE TABLE series (id INTEGER PRIMARY KEY, study TEXT NOT NULL, series TEXT NOT NULL,"
        " UNIQUE (study, series))"
    ),
    "reasons": (
        "CREATE TABLE reasons (folder INTEGER NOT NULL, name NOT NULL, reason TEXT NOT NULL, series INTEGER,"
        " PRIMARY KEY (folder, name)) WITHOUT ROWID"
    ),
    "intents": (
        "CREATE TABLE intents (folder INTEGER NOT NULL, name NOT NULL, target, uid TEXT NOT NULL,"
        " PRIMARY KEY (folder, name)) WITHOUT ROWID"
    ),
}

_UUID_ROOT: Final = "2.25."
_MAX_INTEGER: Final = (1 << 63) - 1
_MAX_CLOCK_SKEW: Final = 300
"""Seconds."""

MAX_REASON: Final = 1000
"""Characters of a reason that are kept."""
MAX_DOCUMENT: Final = 16 << 20
"""Bytes of a JSON document that is kept."""


def encode_text(text: str) -> SqlText:
    """Encode text for SQLite: file names may have bytes that are not valid Unicode, which SQLite cannot store."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return os.fsencode(text)
    return text


def decode_text(value: object) -> str:
    """Decode stored text; raises TypeError or ValueError if it is invalid."""
    if not isinstance(value, (str, bytes)):
        raise TypeError("not text")
    text = value if isinstance(value, str) else os.fsdecode(value)
    if "\0" in text:
        raise ValueError("not a name")
    return text


def split_path(source: str) -> tuple[str, str]:
    """Split a path into the folder, with its slash, and the name."""
    end = source.rfind("/") + 1
    return source[:end], source[end:]


def pack_uid(uid: str) -> SqlText:
    """Pack a UID into fewer bytes if it was made from a UUID (PS3.5 B.2)."""
    number = uid.removeprefix(_UUID_ROOT)
    if number != uid and number.isascii() and number.isdigit() and len(number) < 40 and int(number) < 1 << 128:
        data = int(number).to_bytes(16)
        if unpack_uid(data) == uid:
            return data
    return uid


def unpack_uid(value: object) -> str:
    """Unpack a UID; raises TypeError or ValueError if it is invalid."""
    if isinstance(value, bytes) and len(value) == 16:
        return f"{_UUID_ROOT}{int.from_bytes(value)}"
    return decode_text(value)


def is_future(recorded_at: int, now: float) -> bool:
    """Whether a result is dated in the future, beyond differences between the clocks of machines."""
    return recorded_at > now + _MAX_CLOCK_SKEW


def to_sqlite_integer(number: int) -> int:
    """Convert a number to one that SQLite can store: some inodes have 64 bits without a sign."""
    return number & _MAX_INTEGER
