"""Storages of fsspec in which an upload becomes visible as a whole when it is complete."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from dcmseal.dataset.source import Buffer
from dcmseal.plugins.storage import Write
from dcmseal_remote.fsspec_files import FsspecFiles
from dcmseal_remote.storage_errors import translate_errors

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

PART_SIZE: Final = 16 << 20
"""Size of each part, which is buffered in memory; S3 accepts 10,000 parts."""


class FsspecObjects(FsspecFiles):
    """Uploads objects in parts, and discards failed uploads."""

    def options(self) -> dict[str, object]:
        """Disable the cache of listings, because entries are compared to detect changes."""
        return {"use_listings_cache": False}

    @contextmanager
    def write(self, url: str, expected_version: str | None) -> Generator[Write]:
        with translate_errors(url, package=self.package, writing=True):
            fs, path = self.resolve(url)
            self.check_version(url, expected_version)
            file = fs.open(path, "wb", block_size=PART_SIZE, **self.conditions(fs, path, expected_version))

        def write(data: Buffer) -> None:
            with translate_errors(url, package=self.package, writing=True):
                file.write(data)

        try:
            yield write
            with translate_errors(url, package=self.package, writing=True):
                self.check_version(url, expected_version)
                try:
                    file.close()
                except OSError:
                    # a failed condition has no error of its own
                    self.check_version(url, expected_version)
                    raise
        except BaseException:
            with suppress(Exception):
                file.discard()
            # otherwise it would be completed by garbage collection
            file.closed = True
            raise

    def conditions(self, fs: AbstractFileSystem, path: str, expected_version: str | None) -> dict[str, Any]:
        """Return conditions on the replaced version that the storage itself can enforce."""
        return {}
