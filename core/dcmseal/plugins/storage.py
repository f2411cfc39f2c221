"""The interface of storage plugins: objects with a URL, read in ranges and written as a whole.

>>> entry = StorageEntry(url="s3://archive/image.dcm", size=4711, version='"5d41402a"')
>>> entry.size
4711
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol, TypeAlias

from msgspec import Struct

from dcmseal.dataset.source import Buffer
from dcmseal.errors import DatasetError, OutputError, PluginBroken
from dcmseal.plugins import guard
from dcmseal.plugins.guard import Guard, Origin, guarded_context

Write: TypeAlias = Callable[[Buffer], object]
"""Writes the next bytes of an object. It must copy them, because the caller may change the buffer afterwards."""

FIRST_READ_SIZE: Final = 1 << 17
"""The end of the first range that dcmseal reads of an object, unless the object is smaller."""


class StorageEntry(Struct, frozen=True, kw_only=True):
    """An object in a storage."""

    url: str
    size: int
    version: str = ""
    """A value that changes with the content: ETag, generation or time of modification. Empty if there is none."""


class StoredObject(Protocol):
    """An object that is open for reading. Calls do not overlap, but may come from several threads.

    An object whose calls may overlap has an attribute ``concurrent_reads``, with the number of calls at once. Large
    objects of a storage with latency are read faster then.
    """

    @property
    def entry(self) -> StorageEntry:
        """The version that was opened."""
        ...

    def read(self, start: int, end: int) -> bytes:
        """Read exactly these bytes of the version that was opened.

        Args:
            start: Position of the first byte.
            end: Position after the last byte, greater than ``start``.

        Raises:
            DatasetError: The object has been replaced.
            StorageUnavailable: The storage cannot be reached.
        """
        ...


class Storage(Protocol):
    """Reads and writes the objects behind all URLs of one scheme.

    A storage gets its credentials from its own configuration: URLs contain no secrets, and users are not prompted.
    """

    @property
    def scheme(self) -> str:
        """The scheme of the URLs in lower case, such as ``s3``."""
        ...

    @property
    def summary(self) -> str:
        """One line for the list of plugins."""
        ...

    def find(self, url: str) -> StorageEntry | None:
        """Return the entry of an object, or None if it does not exist.

        Raises:
            DatasetError: The storage refuses access.
            StorageUnavailable: The storage cannot be reached.
        """
        ...

    def open(self, url: str) -> AbstractContextManager[StoredObject]:
        """Open an object for reading.

        Raises:
            DatasetError: The object does not exist, or the storage refuses access.
            StorageUnavailable: The storage cannot be reached.
        """
        ...

    def list(self, url: str) -> Iterator[StorageEntry]:
        """Iterate over all objects below a URL that ends in a slash, page by page, in the storage's own order.

        Raises:
            UsageError: URLs of this scheme cannot be listed.
            DatasetError: The storage refuses access.
            StorageUnavailable: The storage cannot be reached.
        """
        ...

    def write(self, url: str, expected_version: str | None) -> AbstractContextManager[Write]:
        """Write an object, which becomes visible as a whole when the context ends without an exception.

        If the context ends with an exception, nothing has changed.

        Args:
            url: The URL of the object.
            expected_version: The version that must be there until then: empty if there must be no object, None for
                any version.

        Raises:
            OutputError: There is another version, or the storage refuses access.
            UsageError: URLs of this scheme cannot be written.
            StorageUnavailable: The storage cannot be reached.
        """
        ...


_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{1,31}", re.ASCII)
_MAX_URL_LENGTH: Final = 10_000
_MAX_VERSION_LENGTH: Final = 1000
_MAX_OBJECT_SIZE: Final = 1 << 60
_MAX_CONCURRENT_READS: Final = 4


class GuardedStorage:
    """A Storage that checks what the plugin returns, and raises errors of dcmseal only."""

    __slots__ = ("_blame", "_read_guard", "_storage", "_write_guard", "scheme", "summary")

    def __init__(self, storage: Storage, origin: Origin) -> None:
        with Guard(f"a storage of {origin}", PluginBroken):
            self.scheme = guard.check_name(storage.scheme, _SCHEME, "scheme")
            self.summary = guard.check_text(storage.summary, "summary")
            guard.check_methods(storage, "find", "open", "list", "write")
        self._storage = storage
        self._blame = f"the storage for {self.scheme}: URLs of {origin}"
        self._read_guard = Guard(self._blame, DatasetError)
        self._write_guard = Guard(self._blame, OutputError)

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def find(self, url: str) -> StorageEntry | None:
        with self._read_guard:
            entry = self._storage.find(url)
            return None if entry is None else _check_entry(entry, "find")

    @contextmanager
    def open(self, url: str) -> Generator[StoredObject]:
        with guarded_context(self._read_guard, lambda: self._storage.open(url), pass_error=True) as stored:
            yield GuardedStoredObject(stored, self._read_guard)

    def list(self, url: str) -> Iterator[StorageEntry]:
        with self._read_guard:
            entries = iter(self._storage.list(url))
        while True:
            with self._read_guard:
                entry = next(entries, None)
                if entry is None:
                    return
                if not _check_entry(entry, "list").url.startswith(url):
                    raise guard.InvalidAnswer("list returned an object that is not below the URL")
            yield entry

    @contextmanager
    def write(self, url: str, expected_version: str | None) -> Generator[Write]:
        with guarded_context(
            self._write_guard, lambda: self._storage.write(url, expected_version), pass_error=True
        ) as write:

            def guarded_write(data: Buffer) -> None:
                with self._write_guard:
                    write(data)

            yield guarded_write


class GuardedStoredObject:
    """A StoredObject that returns exactly the requested bytes, or fails."""

    __slots__ = ("_guard", "_object", "concurrent_reads", "entry")

    def __init__(self, stored: StoredObject, read_guard: Guard) -> None:
        with read_guard:
            self.entry = _check_entry(stored.entry, "open")
            concurrent = guard.check_instance(getattr(stored, "concurrent_reads", 1), int, "concurrent_reads")
            self.concurrent_reads = min(max(1, concurrent), _MAX_CONCURRENT_READS)
            guard.check_methods(stored, "read")
        self._object = stored
        self._guard = read_guard

    def read(self, start: int, end: int) -> bytes:
        with self._guard:
            data = guard.check_instance(self._object.read(start, end), bytes, "read")
        if len(data) != end - start:
            raise DatasetError(
                f"got {len(data)} bytes instead of {end - start} (at byte {start})",
                hint="the object may have been replaced, or its storage failed: try again",
            )
        return data


def _check_entry(value: object, what: str) -> StorageEntry:
    entry = guard.check_instance(value, StorageEntry, what)
    for text, max_length in ((entry.url, _MAX_URL_LENGTH), (entry.version, _MAX_VERSION_LENGTH)):
        if len(guard.check_instance(text, str, what)) > max_length:
            raise guard.InvalidAnswer(f"{what} returned a text of more than {max_length} characters")
    if guard.check_instance(entry.size, int, what) < 0 or entry.size > _MAX_OBJECT_SIZE:
        raise guard.InvalidAnswer(f"{what} returned an impossible size")
    return entry
