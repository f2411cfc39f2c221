"""Storages of plugins behind a guard: as many bytes as were asked for, entries that fit the URL, no foreign error."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Final

from dcmseal.dataset.source import Buffer
from dcmseal.errors import DatasetError, OutputError, PluginBroken, SealError
from dcmseal.plugins import answers
from dcmseal.plugins.loading import Origin
from dcmseal.plugins.storage import Entry, Storage, StoredObject, Write

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{1,31}", re.ASCII)
_LONGEST_URL: Final = 10_000
_LONGEST_VERSION: Final = 1000
_LARGEST: Final = 1 << 60


class GuardedStorage:
    """A Storage whose answers are what they ought to be."""

    __slots__ = ("_blame", "_storage", "scheme", "summary")

    def __init__(self, storage: Storage, origin: Origin) -> None:
        """Raise PluginBroken if ``storage`` is none."""
        with answers.guarded(f"a storage of {origin}", PluginBroken):
            self.scheme = answers.name(storage.scheme, _SCHEME, "scheme")
            self.summary = answers.text(storage.summary, "summary")
            answers.methods(storage, "find", "open", "list", "write")
        self._storage = storage
        self._blame = f"the storage for {self.scheme}: URLs of {origin}"

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def find(self, url: str) -> Entry | None:
        """What is known of an object; raises DatasetError or one of its kinds."""
        with answers.guarded(self._blame, DatasetError):
            entry = self._storage.find(url)
            return None if entry is None else _checked(entry, "find")

    @contextmanager
    def open(self, url: str) -> Generator[StoredObject]:
        """An object to read; raises DatasetError or one of its kinds."""
        with answers.guarded(self._blame, DatasetError):
            context = self._storage.open(url)
            opened = context.__enter__()
        with _leaving(context, self._blame, DatasetError):
            yield GuardedObject(opened, self._blame)

    def list(self, url: str) -> Iterator[Entry]:
        """The objects below a URL; raises UsageError, DatasetError or one of its kinds."""
        with answers.guarded(self._blame, DatasetError):
            entries = iter(self._storage.list(url))
        while True:
            with answers.guarded(self._blame, DatasetError):
                entry = next(entries, None)
                if entry is None:
                    return
                if not _checked(entry, "list").url.startswith(url):
                    raise answers.Nonsense("list gave an object of another place")
            yield entry

    @contextmanager
    def write(self, url: str, expected_version: str | None) -> Generator[Write]:
        """Write an object; raises OutputError, StorageUnavailable or UsageError."""
        with answers.guarded(self._blame, OutputError):
            context = self._storage.write(url, expected_version)
            write = context.__enter__()

        def guarded_write(data: Buffer) -> None:
            with answers.guarded(self._blame, OutputError):
                write(data)

        with _leaving(context, self._blame, OutputError):
            yield guarded_write


class GuardedObject:
    """A StoredObject that gives what it is asked for, or fails."""

    __slots__ = ("_blame", "_object", "entry")

    def __init__(self, opened: StoredObject, blame: str) -> None:
        with answers.guarded(blame, DatasetError):
            self.entry = _checked(opened.entry, "open")
            answers.methods(opened, "read")
        self._object = opened
        self._blame = blame

    def read(self, start: int, end: int) -> bytes:
        """Exactly these bytes; raises DatasetError or one of its kinds."""
        with answers.guarded(self._blame, DatasetError):
            data = answers.one_of(self._object.read(start, end), bytes, "read")
        if len(data) != end - start:
            raise DatasetError(
                f"{len(data)} bytes came instead of {end - start} (at byte {start})",
                hint="the object may have been replaced, or its storage is at fault: try again",
            )
        return data


@contextmanager
def _leaving(context: AbstractContextManager[object], blame: str, kind: type[SealError]) -> Generator[None]:
    """Leave a plugin's context at the end; it cannot swallow the application's error, nor hide it behind its own."""
    try:
        yield
    except BaseException:
        with suppress(SealError), answers.guarded(blame, kind):
            context.__exit__(*sys.exc_info())
        raise
    with answers.guarded(blame, kind):
        context.__exit__(None, None, None)


def _checked(value: object, what: str) -> Entry:
    entry = answers.one_of(value, Entry, what)
    for text, longest in ((entry.url, _LONGEST_URL), (entry.version, _LONGEST_VERSION)):
        if len(answers.one_of(text, str, what)) > longest:
            raise answers.Nonsense(f"{what} gave an endless text")
    if answers.one_of(entry.size, int, what) < 0 or entry.size > _LARGEST:
        raise answers.Nonsense(f"{what} gave a size that is none")
    return entry
