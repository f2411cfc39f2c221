"""How a file is known to be the one that was judged: by size, time and inode, or by its content."""

from __future__ import annotations

import os
from hashlib import file_digest
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmseal.batch.journal.tables import fitting

if TYPE_CHECKING:
    from dcmseal.batch.items import Item


class Identity(NamedTuple):
    """What a file was when it was judged; if there is a digest, it alone counts."""

    size: int
    mtime_ns: int
    inode: int
    digest: bytes | None

    def is_same(self, other: Identity) -> bool:
        """Whether two files are one, as far as can be told."""
        if self.digest is not None or other.digest is not None:
            return self.digest == other.digest
        return self == other


UNFOUND: Final = Identity(size=-1, mtime_ns=-1, inode=-1, digest=None)
"""That of what is not there, or cannot be read; no file has such numbers."""


def identity_of(item: Item, *, by_content: bool) -> Identity:
    """What is known of a file; one whose content cannot be read has no digest."""
    digest = _digest(item.source) if by_content else None
    return Identity(fitting(item.size), fitting(item.mtime_ns), fitting(item.inode), digest)


def looked_at_again(item: Item) -> Item:
    """The item as the file is now; as it was if that cannot be told."""
    try:
        status = os.stat(item.source)
    except OSError:
        return item
    return item._replace(size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino)


def _digest(source: str) -> bytes | None:
    try:
        with open(source, "rb") as file:
            return file_digest(file, "sha256").digest()
    except OSError:
        return None
