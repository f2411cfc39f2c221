"""The storage ``example://``: objects in memory, as long as the process lives."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from dcmseal.plugins import DatasetError, OutputError, StorageEntry, StoredObject, Write


@dataclass(frozen=True, slots=True)
class ExampleObject:
    """Bytes, and what is known of them."""

    entry: StorageEntry
    data: bytes

    def read(self, start: int, end: int) -> bytes:
        return self.data[start:end]


@dataclass(frozen=True, slots=True)
class ExampleStorage:
    """Any URL, as ``example://a/image.dcm``."""

    scheme: str = "example"
    summary: str = "objects in memory, for tests: example://NAME"
    objects: dict[str, bytes] = field(default_factory=dict)

    def find(self, url: str) -> StorageEntry | None:
        data = self.objects.get(url)
        return None if data is None else StorageEntry(url=url, size=len(data), version=sha256(data).hexdigest())

    @contextmanager
    def open(self, url: str) -> Generator[StoredObject]:
        entry = self.find(url)
        if entry is None:
            raise DatasetError(f"{url} is not there", hint="write it first")
        yield ExampleObject(entry, self.objects[url])

    def list(self, url: str) -> Iterator[StorageEntry]:
        return (entry for each in sorted(self.objects) if each.startswith(url) and (entry := self.find(each)))

    @contextmanager
    def write(self, url: str, expected_version: str | None) -> Generator[Write]:
        data = bytearray()
        yield data.extend
        entry = self.find(url)
        if expected_version is not None and expected_version != (entry.version if entry else ""):
            raise OutputError(f"{url} is another by now", hint="look at it, and try again")
        self.objects[url] = bytes(data)
