"""Storages of fsspec with renaming: an object is written under another name, and renamed when it is complete.

>>> storage = FsspecFiles("memory", "fsspec")
>>> with storage.write("memory://archive/image.dcm", expected_version=None) as write:
...     _ = write(b"bytes")
>>> storage.find("memory://archive/image.dcm").size
5
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from dcmseal.dataset.source import Buffer
from dcmseal.errors import DatasetError, OutputError, UsageError
from dcmseal.plugins.storage import StorageEntry, StoredObject, Write
from dcmseal_remote.storage_errors import changed_error, changed_while_read_error, translate_errors

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_VERSIONS: Final = ("ETag", "etag", "generation", "mtime", "LastModified", "last_modified", "updated", "created")
"""Attributes that distinguish versions of an object, the most reliable first."""


class FsspecFiles:
    """A storage for one scheme of fsspec, which requires ``package``."""

    def __init__(self, scheme: str, package: str) -> None:
        self.scheme = scheme
        self.package = package
        self.summary = f"{scheme}: URLs, through {package}"

    def options(self) -> dict[str, object]:
        """Return options for the file system."""
        return {}

    def find(self, url: str) -> StorageEntry | None:
        with translate_errors(url, package=self.package):
            fs, path = self.resolve(url)
            try:
                found = build_entry(url, fs.info(path))
            except FileNotFoundError:
                return None
        return found

    @contextmanager
    def open(self, url: str) -> Generator[StoredObject]:
        with translate_errors(url, package=self.package):
            fs, path = self.resolve(url)
            entry = build_entry(url, fs.info(path))
            if entry is None:
                raise DatasetError(f"{url} is not a file", hint="check the URL; URLs of folders end in a slash")
            file = fs.open(path, "rb", cache_type="none")
        try:
            yield _FsspecObject(self, entry, lambda: build_entry(url, fs.info(path)), file)
        finally:
            with translate_errors(url, package=self.package):
                file.close()

    def list(self, url: str) -> Iterator[StorageEntry]:
        with translate_errors(url, package=self.package):
            fs, path = self.resolve(url)
            top = path.rstrip("/")
            for folder, _, files in fs.walk(path, detail=True, on_error="raise"):
                below = folder.removeprefix(top).lstrip("/")
                prefix = f"{url}{below}/" if below else url
                for name in sorted(files):
                    entry = build_entry(prefix + name, files[name])
                    if entry is not None:
                        yield entry

    @contextmanager
    def write(self, url: str, expected_version: str | None) -> Generator[Write]:
        with translate_errors(url, package=self.package, writing=True):
            fs, path = self.resolve(url)
            folder, _, name = path.rpartition("/")
            temporary = f"{folder}/.{name[:64]}.{secrets.token_hex(8)}.tmp"
            self.check_version(url, expected_version)
            file = fs.open(temporary, "wb")
            if hasattr(file, "set_pipelined"):
                file.set_pipelined(True)  # of paramiko: do not wait for a response to each write
        written = 0

        def write(data: Buffer) -> None:
            nonlocal written
            with translate_errors(url, package=self.package, writing=True):
                file.write(bytes(data))
            written += len(data)

        try:
            yield write
            with translate_errors(url, package=self.package, writing=True):
                file.close()
                if fs.info(temporary)["size"] != written:
                    raise OutputError(f"{url} was not written completely; nothing has changed", hint="try again")
                self.check_version(url, expected_version)
                fs.mv(temporary, path)
        except BaseException:
            with suppress(Exception):
                file.close()
            with suppress(Exception):
                fs.rm_file(temporary)
            raise

    def read(self, file: Any, start: int, end: int) -> bytes:
        """Read a range of an open file."""
        file.seek(start)
        data: bytes = file.read(end - start)
        return data

    def check_version(self, url: str, expected_version: str | None) -> None:
        """Raise OutputError if the object does not have the expected version."""
        if expected_version is None:
            return
        found = self.find(url)
        if (found.version if found else "") != expected_version or (found is not None and not expected_version):
            raise changed_error(url)

    def resolve(self, url: str) -> tuple[AbstractFileSystem, str]:
        """Return the file system, and the path in it."""
        from fsspec.core import url_to_fs

        fs, path = url_to_fs(url, **self.options())
        if not path.strip("/"):
            raise UsageError("the URL has no path", hint=f"write {self.scheme}://.../PATH")
        return fs, path


class _FsspecObject:
    """An open file, which is compared with its entry after each read."""

    def __init__(
        self, storage: FsspecFiles, entry: StorageEntry, find: Callable[[], StorageEntry | None], file: Any
    ) -> None:
        self.entry = entry
        self._storage = storage
        self._find = find
        self._file = file

    def read(self, start: int, end: int) -> bytes:
        url = self.entry.url
        with translate_errors(url, package=self._storage.package):
            data = self._storage.read(self._file, start, end)
            if self._find() != self.entry:
                raise changed_while_read_error(url)
        return data


def build_entry(url: str, info: Mapping[str, Any]) -> StorageEntry | None:
    """Build an entry from the information of fsspec.

    Returns:
        The entry, or None if the URL is not that of a file.
    """
    if info.get("type") != "file" or not isinstance(info.get("size"), int):
        return None
    version = next((str(info[name]) for name in _VERSIONS if info.get(name)), "")
    return StorageEntry(url=url, size=info["size"], version=version)
