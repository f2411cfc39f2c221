"""S3 and compatible storages: reads and uploads apply to the version that was opened."""

# Kept apart: one module for each kind of storage.

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from dcmseal.errors import DatasetError
from dcmseal.plugins.storage import StorageEntry, StoredObject
from dcmseal_remote.fsspec_files import build_entry
from dcmseal_remote.fsspec_objects import FsspecObjects
from dcmseal_remote.storage_errors import changed_while_read_error, translate_errors

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_OBJECT_HEADERS: Final = (
    "CacheControl",
    "ContentDisposition",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "StorageClass",
)
"""Headers that are preserved when an object is replaced; tags and permissions depend on the bucket."""
_TYPE: Final = "application/dicom"


class S3Storage(FsspecObjects):
    """``s3:`` URLs. Reads and uploads use ``If-Match`` with the ETag (RFC 9110 13.1.1)."""

    def __init__(self, scheme: str) -> None:
        super().__init__(scheme, "s3fs")

    @contextmanager
    def open(self, url: str) -> Generator[StoredObject]:
        with translate_errors(url, package=self.package):
            fs, path = self.resolve(url)
            file = fs.open(path, "rb", cache_type="none")
            entry = build_entry(url, file.details)
        if entry is None:
            raise DatasetError(f"{url} is not an object", hint="check the URL; URLs of folders end in a slash")
        try:
            yield _S3Object(entry, file)
        finally:
            file.close()

    def list(self, url: str) -> Iterator[StorageEntry]:
        with translate_errors(url, package=self.package):
            fs, _ = self.resolve(url)
            bucket, _, prefix = url.partition("://")[2].partition("/")
            base = url[: len(url) - len(prefix)]
            request = {"Bucket": bucket, "Prefix": prefix}
            while True:
                page = fs.call_s3("list_objects_v2", **request)
                for each in page.get("Contents", ()):
                    if not each["Key"].endswith("/"):
                        yield StorageEntry(url=base + each["Key"], size=each["Size"], version=each["ETag"])
                if not page.get("IsTruncated"):
                    return
                request["ContinuationToken"] = page["NextContinuationToken"]

    def conditions(self, fs: AbstractFileSystem, path: str, expected_version: str | None) -> dict[str, Any]:
        if not expected_version:
            return {"ContentType": _TYPE} | ({} if expected_version is None else {"IfNoneMatch": "*"})
        bucket, key, _ = fs.split_path(path)
        head = fs.call_s3("head_object", Bucket=bucket, Key=key)
        return {"IfMatch": expected_version} | {name: head[name] for name in _OBJECT_HEADERS if head.get(name)}


class _S3Object:
    def __init__(self, entry: StorageEntry, file: Any) -> None:
        self.entry = entry
        self._file = file

    def read(self, start: int, end: int) -> bytes:
        from s3fs.utils import FileExpired

        with translate_errors(self.entry.url, package="s3fs"):
            try:
                self._file.seek(start)
                data: bytes = self._file.read(end - start)
            except FileExpired:
                raise changed_while_read_error(self.entry.url) from None
        return data
