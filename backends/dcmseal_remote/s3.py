"""S3, and what speaks its protocol: each range is of the version that was opened, and each upload replaces that one."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from dcmseal.errors import DatasetError
from dcmseal.plugins.storage import Entry, StoredObject
from dcmseal_remote.failures import changed_while_read, told
from dcmseal_remote.files import entry_of
from dcmseal_remote.objects import FsspecObjects

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_OF_THE_OBJECT: Final = (
    "CacheControl",
    "ContentDisposition",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "StorageClass",
)
"""What an object keeps when its bytes are replaced; its tags and rights are the bucket's business."""
_TYPE: Final = "application/dicom"


class S3(FsspecObjects):
    """``s3:`` URLs. ``If-Match`` with the ETag guards ranges and uploads (RFC 9110 13.1.1)."""

    def __init__(self, scheme: str) -> None:
        super().__init__(scheme, "s3fs")

    @contextmanager
    def open(self, url: str) -> Generator[StoredObject]:
        with told(url, package=self.package):
            fs, path = self.resolve(url)
            file = fs.open(path, "rb", cache_type="none")
            entry = entry_of(url, file.details)
        if entry is None:
            raise DatasetError(f"{url} is no object", hint="check the URL; a folder's ends in a slash")
        try:
            yield _S3Object(entry, file)
        finally:
            file.close()

    def list(self, url: str) -> Iterator[Entry]:
        with told(url, package=self.package):
            fs, _ = self.resolve(url)
            bucket, _, prefix = url.partition("://")[2].partition("/")
            base = url[: len(url) - len(prefix)]
            request = {"Bucket": bucket, "Prefix": prefix}
            while True:
                page = fs.call_s3("list_objects_v2", **request)
                for each in page.get("Contents", ()):
                    if not each["Key"].endswith("/"):
                        yield Entry(url=base + each["Key"], size=each["Size"], version=each["ETag"])
                if not page.get("IsTruncated"):
                    return
                request["ContinuationToken"] = page["NextContinuationToken"]

    def conditions(self, fs: AbstractFileSystem, path: str, expected_version: str | None) -> dict[str, Any]:
        if not expected_version:
            return {"ContentType": _TYPE} | ({} if expected_version is None else {"IfNoneMatch": "*"})
        bucket, key, _ = fs.split_path(path)
        head = fs.call_s3("head_object", Bucket=bucket, Key=key)
        return {"IfMatch": expected_version} | {name: head[name] for name in _OF_THE_OBJECT if head.get(name)}


class _S3Object:
    def __init__(self, entry: Entry, file: Any) -> None:
        self.entry = entry
        self._file = file

    def read(self, start: int, end: int) -> bytes:
        from s3fs.utils import FileExpired

        with told(self.entry.url, package="s3fs"):
            try:
                self._file.seek(start)
                data: bytes = self._file.read(end - start)
            except FileExpired:
                raise changed_while_read(self.entry.url) from None
        return data
