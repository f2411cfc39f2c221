"""Storages of fsspec that keep objects whole: what is written is seen once it is complete, and in one step."""

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
"""Bytes sent at once, and held in memory until then; S3 takes 10,000 parts."""


class FsspecObjects(FsspecFiles):
    """Uploads in parts as bytes come; an upload that fails is taken back."""

    def options(self) -> dict[str, object]:
        """Without remembered listings: an object is asked about to learn whether it changed."""
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
                    # a condition that does not hold has no error of its own
                    self.check_version(url, expected_version)
                    raise
        except BaseException:
            with suppress(Exception):
                file.discard()
            # or it would be completed when it is forgotten
            file.closed = True
            raise

    def conditions(self, fs: AbstractFileSystem, path: str, expected_version: str | None) -> dict[str, Any]:
        """What the storage itself is told about the version to be replaced, if it can be."""
        return {}
