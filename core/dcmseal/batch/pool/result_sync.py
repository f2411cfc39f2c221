"""Syncing of results to disk, many files at once, because syncing a folder takes longer than a small file.

The results of a worker process are on disk when it returns them; so are those that a journal contains, and all results
at the end of a run.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from time import monotonic
from typing import Final

from dcmseal.batch.results import BatchResult
from dcmseal.errors import OutputError
from dcmseal.output.folder import sync_folder
from dcmseal.urls import URL_SEPARATOR

_SYNC_SECONDS: Final = 1.0


class UnsyncedFolders:
    """Folders of this machine in which files were renamed, but which may not be on disk."""

    def __init__(self, root: str | None) -> None:
        """``root`` is the folder for results, if they do not replace their inputs.

        It and its subfolders may be new.
        """
        self._root = root
        self._folders: set[str] = set()

    def add(self, result: BatchResult) -> None:
        """Add the folder of a result, if something was written on this machine."""
        if result.is_written and URL_SEPARATOR not in result.output:
            path = os.path.realpath(result.output) if os.path.islink(result.output) else result.output
            self._folders.add(os.path.dirname(path) or ".")

    def sync(self) -> None:
        """Sync all folders; raises OutputError."""
        folders = {above for folder in self._folders for above in self._iter_with_parents(folder)}
        self._folders.clear()
        for folder in sorted(folders, reverse=True):
            try:
                # a worker on another machine did it there
                with suppress(FileNotFoundError):
                    sync_folder(folder)
            except OSError as error:
                raise OutputError(
                    f"what was written to {folder} may be lost: {error.strerror or error}",
                    hint="the disk may be broken or full: look at it, and start again",
                ) from None

    def _iter_with_parents(self, folder: str) -> Iterator[str]:
        yield folder
        if self._root is None:
            return
        while folder != self._root and len(folder) > len(self._root):
            folder = os.path.dirname(folder)
            yield folder
        yield os.path.dirname(self._root.rstrip("/")) or "."


def iter_with_sync(results: Iterator[BatchResult], root: str | None) -> Generator[BatchResult]:
    """Pass results on; what was written is synced after a while, and at the end. Raises OutputError."""
    unsynced = UnsyncedFolders(root)
    synced = monotonic()
    try:
        for result in results:
            unsynced.add(result)
            yield result
            if monotonic() - synced >= _SYNC_SECONDS:
                unsynced.sync()
                synced = monotonic()
    finally:
        unsynced.sync()


def sync_results(results: Sequence[BatchResult], root: str | None) -> list[BatchResult]:
    """Sync what was written, and return the results; if that fails, they are failed results."""
    unsynced = UnsyncedFolders(root)
    for result in results:
        unsynced.add(result)
    try:
        unsynced.sync()
    except OutputError as error:
        return [BatchResult.from_error(each.input, error) if each.is_written else each for each in results]
    return list(results)
