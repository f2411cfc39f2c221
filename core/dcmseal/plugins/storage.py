"""What a plugin for a storage implements: objects beyond the file system, by URL, read in ranges and written whole.

>>> entry = StorageEntry(url="s3://archive/image.dcm", size=4711, version='"5d41402a"')
>>> entry.size
4711
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from dcmseal.dataset.source import Buffer
from dcmseal.errors import DatasetError, OutputError, PluginBroken, SealError
from dcmseal.plugins import guard
from dcmseal.plugins.guard import Origin

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

        ``expected_version`` is the version that has to be there until then: empty if no object may be there, None if
        that does not matter. Raises OutputError if another is, or writing is not allowed; StorageUnavailable; and
        UsageError if URLs of this scheme cannot be written.
        """
        ...


_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{1,31}", re.ASCII)
_MAX_URL_LENGTH: Final = 10_000
_MAX_VERSION_LENGTH: Final = 1000
_MAX_OBJECT_SIZE: Final = 1 << 60


class GuardedStorage:
    """A Storage whose answers are what they ought to be."""

    __slots__ = ("_blame", "_storage", "scheme", "summary")

    def __init__(self, storage: Storage, origin: Origin) -> None:
        """Raise PluginBroken if ``storage`` is none."""
        with guard.Guard(f"a storage of {origin}", PluginBroken):
            self.scheme = guard.check_name(storage.scheme, _SCHEME, "scheme")
            self.summary = guard.check_text(storage.summary, "summary")
            guard.check_methods(storage, "find", "open", "list", "write")
        self._storage = storage
        self._blame = f"the storage for {self.scheme}: URLs of {origin}"

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def find(self, url: str) -> StorageEntry | None:
        """What is known of an object; raises DatasetError or one of its kinds."""
        with guard.Guard(self._blame, DatasetError):
            entry = self._storage.find(url)
            return None if entry is None else _check_entry(entry, "find")

    @contextmanager
    def open(self, url: str) -> Generator[StoredObject]:
        """An object to read; raises DatasetError or one of its kinds."""
        with guard.Guard(self._blame, DatasetError):
            context = self._storage.open(url)
            opened = context.__enter__()
        with _close_at_end(context, self._blame, DatasetError):
            yield GuardedStoredObject(opened, self._blame)

    def list(self, url: str) -> Iterator[StorageEntry]:
        """The objects below a URL; raises UsageError, DatasetError or one of its kinds."""
        with guard.Guard(self._blame, DatasetError):
            entries = iter(self._storage.list(url))
        while True:
            with guard.Guard(self._blame, DatasetError):
                entry = next(entries, None)
                if entry is None:
                    return
                if not _check_entry(entry, "list").url.startswith(url):
                    raise guard.InvalidAnswer("list gave an object of another place")
            yield entry

    @contextmanager
    def write(self, url: str, expected_version: str | None) -> Generator[Write]:
        """Write an object; raises OutputError, StorageUnavailable or UsageError."""
        with guard.Guard(self._blame, OutputError):
            context = self._storage.write(url, expected_version)
            write = context.__enter__()

        def guarded_write(data: Buffer) -> None:
            with guard.Guard(self._blame, OutputError):
                write(data)

        with _close_at_end(context, self._blame, OutputError):
            yield guarded_write


class GuardedStoredObject:
    """A StoredObject that gives what it is asked for, or fails."""

    __slots__ = ("_blame", "_object", "entry")

    def __init__(self, opened: StoredObject, blame: str) -> None:
        with guard.Guard(blame, DatasetError):
            self.entry = _check_entry(opened.entry, "open")
            guard.check_methods(opened, "read")
        self._object = opened
        self._blame = blame

    def read(self, start: int, end: int) -> bytes:
        """Exactly these bytes; raises DatasetError or one of its kinds."""
        with guard.Guard(self._blame, DatasetError):
            data = guard.check_instance(self._object.read(start, end), bytes, "read")
        if len(data) != end - start:
            raise DatasetError(
                f"{len(data)} bytes came instead of {end - start} (at byte {start})",
                hint="the object may have been replaced, or its storage is at fault: try again",
            )
        return data


@contextmanager
def _close_at_end(context: AbstractContextManager[object], blame: str, kind: type[SealError]) -> Generator[None]:
    """Leave a plugin's context at the end; it cannot swallow the application's error, nor hide it behind its own."""
    try:
        yield
    except BaseException:
        with suppress(SealError), guard.Guard(blame, kind):
            context.__exit__(*sys.exc_info())
        raise
    with guard.Guard(blame, kind):
        context.__exit__(None, None, None)


def _check_entry(value: object, what: str) -> StorageEntry:
    entry = guard.check_instance(value, StorageEntry, what)
    for text, longest in ((entry.url, _MAX_URL_LENGTH), (entry.version, _MAX_VERSION_LENGTH)):
        if len(guard.check_instance(text, str, what)) > longest:
            raise guard.InvalidAnswer(f"{what} gave an endless text")
    if guard.check_instance(entry.size, int, what) < 0 or entry.size > _MAX_OBJECT_SIZE:
        raise guard.InvalidAnswer(f"{what} gave a size that is none")
    return entry
