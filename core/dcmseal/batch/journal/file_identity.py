"""Whether a file is the one that was recorded: by size, times and inode, or by its content."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmseal.batch.journal.journal_schema import to_sqlite_integer
from dcmseal.batch.pool.content_hash import hash_file

if TYPE_CHECKING:
    from dcmseal.batch.inputs.input_file import InputFile


class FileIdentity(NamedTuple):
    """A file as it was when its result was recorded.

    Its device is not included: the same file system may get another number after a restart.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    """Unlike the time of modification, programs cannot set it back."""
    inode: int
    digest: bytes | None
    """If there is one, it alone counts."""

    def is_same(self, other: FileIdentity) -> bool:
        """Whether two files are the same, as far as is known; an equal size alone is not enough."""
        if self.digest is not None or other.digest is not None:
            return self.digest == other.digest
        return self == other and bool(self.mtime_ns or self.inode)


UNREADABLE_IDENTITY: Final = FileIdentity(size=-1, mtime_ns=-1, ctime_ns=-1, inode=-1, digest=None)
"""The identity of inputs that do not exist or cannot be read; no file has these numbers."""


def make_identity(item: InputFile, *, by_content: bool) -> FileIdentity:
    """Build the identity of a file; it has no digest if the content cannot be read."""
    times = to_sqlite_integer(item.mtime_ns), to_sqlite_integer(item.ctime_ns)
    return FileIdentity(
        to_sqlite_integer(item.size),
        *times,
        to_sqlite_integer(item.inode),
        hash_file(item.source) if by_content else None,
    )


def refresh_input(item: InputFile) -> InputFile:
    """Return the input with the current status of the file, if that can be read."""
    try:
        status = os.stat(item.source)
    except OSError:
        return item
    return item._replace(
        size=status.st_size, mtime_ns=status.st_mtime_ns, ctime_ns=status.st_ctime_ns, inode=status.st_ino
    )
