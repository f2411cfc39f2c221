"""What a plugin for a storage implements: objects beyond the file system, by URL, read in ranges and written whole.

>>> entry = Entry(url="s3://archive/image.dcm", size=4711, version='"5d41402a"')
>>> entry.size
4711
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from dcmseal.dataset.source import Buffer

Write: TypeAlias = Callable[[Buffer], object]
"""Takes the next bytes of an object; they may be others once it returns."""

FIRST_READ_SIZE: Final = 1 << 17
"""Where the first range that is read of an object ends, unless the object ends before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageEntry:
    """An object in a storage."""

    url: str
    size: int
    version: str = ""
    """Another once the content is another: ETag, generation or time of modification. Empty if none is known."""


class StoredObject(Protocol):
    """An object that is open for reading. Its user asks for one range at a time, but not from one thread only."""

    @property
    def entry(self) -> StorageEntry: ...

    def read(self, start: int, end: int) -> bytes:
        """Exactly these bytes of the version that was opened; ``start`` is less than ``end``.

        Raises DatasetError if the object is another by now, and StorageUnavailable.
        """
        ...


class Storage(Protocol):
    """Reaches all URLs of one scheme.

    Who may do so is between the storage and its own configuration: a URL holds no secret, and nobody is asked for one.
    """

    @property
    def scheme(self) -> str:
        """In lower case, as in ``s3``."""
        ...

    @property
    def summary(self) -> str: ...

    def find(self, url: str) -> StorageEntry | None:
        """What is known of an object; None if there is none. Raises DatasetError or StorageUnavailable."""
        ...

    def open(self, url: str) -> AbstractContextManager[StoredObject]:
        """An object to read, for as long as the context lasts; raises DatasetError or StorageUnavailable."""
        ...

    def list(self, url: str) -> Iterator[StorageEntry]:
        """The objects below a URL that ends in a slash, however deep, page by page as the storage tells them.

        Raises UsageError if URLs of this scheme cannot be listed, DatasetError or StorageUnavailable.
        """
        ...

    def write(self, url: str, expected_version: str | None) -> AbstractContextManager[Write]:
        """Write an object, which is seen when the context ends well, complete; if it does not, nothing has changed.

        ``expected_version`` is the version that has to be there until then: empty if no object may be there, None if that does
        not matter. Raises OutputError if another is, or writing is not allowed; StorageUnavailable; and UsageError
        if URLs of this scheme cannot be written.
        """
        ...
