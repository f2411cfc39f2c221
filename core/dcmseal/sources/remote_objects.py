"""Remote objects: read, written and listed by URL through storage plugins.

URLs come from the caller, never from a Data Set. ``file:`` URLs are paths and need no plugin.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import unquote, urlsplit

from dcmseal.dataset.ranged_file import RangedFile
from dcmseal.dataset.source import Source
from dcmseal.errors import DatasetError, UsageError
from dcmseal.plugins.registry_provider import RegistryProvider
from dcmseal.plugins.storage import Storage, StorageEntry, StoredObject, Write
from dcmseal.plugins.storage_urls import is_url, parse_url_scheme

WILDCARD: Final = "*"
_WILDCARD_PARTS: Final = re.compile(r"(\*\*/|\*\*|\*)")
_WILDCARD_PATTERNS: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}


def compile_pattern(url: str) -> re.Pattern[str]:
    """Compile a URL with wildcards to a regular expression."""
    return re.compile(
        "".join(_WILDCARD_PATTERNS.get(part) or re.escape(part) for part in _WILDCARD_PARTS.split(url)), re.DOTALL
    )


def literal_prefix(url: str) -> str:
    """Return the folder that contains everything that a URL with wildcards matches."""
    fixed, _, _ = url.partition(WILDCARD)
    return fixed[: fixed.rindex("/") + 1]


FILE_SCHEME: Final = "file"


class RemoteFile(RangedFile):
    """An object in a storage as a file."""

    def __init__(self, stored: StoredObject, *, reread: bool) -> None:
        concurrent: int = getattr(stored, "concurrent_reads", 1)
        super().__init__(stored.read, stored.entry.size, concurrent=concurrent, reread=reread)
        self.entry = stored.entry


def resolve_file_url(name: str) -> str:
    """Convert a ``file:`` URL to a path (RFC 8089); other names are returned as they are.

    Raises:
        UsageError: The URL is not that of a path on this machine.
    """
    if not is_url(name) or parse_url_scheme(name) != FILE_SCHEME:
        return name
    parts = urlsplit(name)
    path = unquote(parts.path, errors="surrogateescape")
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment or not path or "\0" in path:
        raise UsageError("a file: URL names a path on this machine", hint="write file:///PATH, or the path itself")
    return path.lstrip("/") if os.name == "nt" else path


def join_path(folder: str, relative: str) -> str:
    """Join a folder, which is a path or URL, and a relative path with slashes."""
    folder = resolve_file_url(folder)
    return f"{folder.rstrip('/')}/{relative}" if is_url(folder) else os.path.join(folder, *relative.split("/"))


@contextmanager
def open_url(url: str, registry: RegistryProvider, *, reread: bool = False) -> Generator[RemoteFile]:
    """Open an object as a context manager.

    Args:
        url: The URL of the object.
        registry: Returns the plugins for URLs.
        reread: Whether all bytes will be read a second time.

    Raises:
        UsageError: The URL is invalid.
        PluginError: No plugin supports the URL.
        DatasetError: The object does not exist.
        StorageUnavailable: The storage cannot be reached.
    """
    with _storage(url, registry).open(url) as stored, RemoteFile(stored, reread=reread) as file:
        yield file


@contextmanager
def open_url_for_writing(url: str, replaced_version: str | None, registry: RegistryProvider) -> Generator[Write]:
    """Write an object as a context manager; the object becomes visible when the context ends without an error.

    Args:
        url: The URL of the object.
        replaced_version: The version that may be replaced: empty for a new object, None for any version.
        registry: Returns the plugins for URLs.

    Raises:
        UsageError: The URL is invalid.
        PluginError: No plugin supports the URL.
        OutputError: The object cannot be written, or has another version.
        StorageUnavailable: The storage cannot be reached.
    """
    with _storage(url, registry).write(url, replaced_version) as write:
        yield write


def find_object(url: str, registry: RegistryProvider) -> StorageEntry | None:
    """Look up an object; None if it does not exist. Raises the errors of ``open_url``."""
    return _storage(url, registry).find(url)


def list_objects(url: str, registry: RegistryProvider) -> Iterator[StorageEntry]:
    """List objects in the order of the storage, page by page.

    Args:
        url: A folder, which ends in a slash; a pattern with ``*`` and ``**``; or a single object.
        registry: Returns the plugins for URLs.

    Raises:
        UsageError: The URL is invalid.
        PluginError: No plugin supports the URL.
        DatasetError: A single object does not exist.
        StorageUnavailable: The storage cannot be reached.
    """
    storage = _storage(url, registry)
    if url.endswith("/"):
        yield from storage.list(url)
    elif WILDCARD in url:
        pattern = compile_pattern(url)
        yield from (entry for entry in storage.list(literal_prefix(url)) if pattern.fullmatch(entry.url))
    else:
        entry = storage.find(url)
        if entry is None:
            raise DatasetError(f"{url} does not exist", hint="check the URL; that of a folder ends in a slash")
        yield entry


def version_at(file: Source, url: str) -> str | None:
    """Return the version of the object that was read from this URL.

    None if versions are not supported, or something else was read.
    """
    origin = getattr(file, "file", None)
    return origin.entry.version or None if isinstance(origin, RemoteFile) and origin.entry.url == url else None


def _storage(url: str, registry: RegistryProvider) -> Storage:
    scheme = parse_url_scheme(url)
    return registry().storage(scheme)
