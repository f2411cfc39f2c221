"""Finding instances: files, folders and what is below them, one after the other, whatever their number.

>>> [found.source for found in instances(["/no/such/file"])]
['/no/such/file']
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress

from dcmseal.batch.items import Found, Item, Unfound
from dcmseal.errors import DatasetError


def instances(words: Iterable[str]) -> Iterator[Found]:
    """The files that words name: files, and folders with all that is below them, sorted by name.

    The order is that of the words, and within a folder that of the names. What is named and is not there, or cannot be
    read, is Unfound. Links to folders are not followed. No more than the names in one folder is held in memory.
    """
    for word in words:
        try:
            status = os.stat(word)
        except OSError as error:
            yield _unfound(word, error)
            continue
        if stat.S_ISDIR(status.st_mode):
            yield from _below(word, "")
        else:
            yield _item(word, os.path.basename(word), status, is_named=True)


def _below(folder: str, relative: str) -> Iterator[Found]:
    try:
        with os.scandir(folder) as entries:
            names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    except OSError as error:
        yield _unfound(folder, error)
        return
    for name, is_folder in names:
        path, below = os.path.join(folder, name), f"{relative}{name}"
        if is_folder:
            yield from _below(path, f"{below}/")
            continue
        # what is gone by now, or a link to what is not there, is no file
        with suppress(OSError):
            status = os.stat(path)
            if stat.S_ISREG(status.st_mode):
                yield _item(path, below, status, is_named=False)


def _item(path: str, relative: str, status: os.stat_result, *, is_named: bool) -> Item:
    return Item(
        source=path,
        relative=relative,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        inode=status.st_ino,
        is_named=is_named,
    )


def _unfound(path: str, error: OSError) -> Unfound:
    return Unfound(
        source=path,
        error=DatasetError(f"{path} cannot be read: {error.strerror}", hint="check the path and its permissions"),
    )
