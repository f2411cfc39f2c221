"""A folder that is open: names in it are used relative to it, so that no path gets too long, and none means another.

>>> with Folder.open(".") as folder:
...     folder.status("nothing of this name") is None
True
"""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final, Self

from dcmseal.output.flock import load_fcntl

_BINARY: Final = getattr(os, "O_BINARY", 0)
_CLOEXEC: Final = getattr(os, "O_CLOEXEC", 0)
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_NON_BLOCKING: Final = getattr(os, "O_NONBLOCK", 0)
_FOLDER: Final = getattr(os, "O_DIRECTORY", 0) | _CLOEXEC
_PATH_ONLY: Final = getattr(os, "O_PATH", 0)
UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY})
"""What file systems say that do not have a call at all."""


class Folder:
    """A folder, by its descriptor."""

    __slots__ = ("_can_sync", "descriptor")

    def __init__(self, descriptor: int, *, can_sync: bool) -> None:
        self.descriptor = descriptor
        self._can_sync = can_sync

    @classmethod
    @contextmanager
    def open(cls, path: str) -> Generator[Self]:
        """Open a folder, which need not be readable; raises OSError, and OutputError on systems without file locks."""
        load_fcntl()
        can_sync = True
        try:
            descriptor = os.open(path or ".", os.O_RDONLY | _FOLDER)
        except PermissionError:
            # files can be made in a folder that may not be listed
            if not _PATH_ONLY:
                raise
            descriptor, can_sync = os.open(path or ".", _PATH_ONLY | _FOLDER), False
        try:
            yield cls(descriptor, can_sync=can_sync)
        finally:
            os.close(descriptor)

    def status(self, name: str) -> os.stat_result | None:
        """What is there under a name, which may be a link; None if nothing is."""
        try:
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def create(self, name: str, mode: int) -> int:
        """A new file, open for reading and writing; raises OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY | _CLOEXEC
        return os.open(name, flags, mode, dir_fd=self.descriptor)

    def open_file(self, name: str, *, writable: bool = False) -> int:
        """Open a regular file to ask something about it: never a link, and without waiting; raises OSError."""
        flags = (os.O_RDWR if writable else os.O_RDONLY) | _NO_FOLLOW | _NON_BLOCKING | _BINARY | _CLOEXEC
        return os.open(name, flags, dir_fd=self.descriptor)

    def replace(self, name: str, by: str) -> None:
        """Give the name to another file; raises OSError."""
        os.replace(by, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def link(self, name: str, to: str) -> None:
        """Give a file a further name, which nothing may have; raises OSError."""
        os.link(to, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor, follow_symlinks=False)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there and can be removed."""
        with suppress(OSError):
            os.unlink(name, dir_fd=self.descriptor)

    def sync(self) -> None:
        """Bring the names in it to disk; raises OSError."""
        if self._can_sync:
            sync_descriptor(self.descriptor)
        else:
            # it cannot be opened for that: all file systems are synced instead
            os.sync()


def sync_descriptor(descriptor: int) -> None:
    """Bring a file or folder to disk, where the file system knows how to; raises OSError."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise


def sync_folder(path: str) -> None:
    """Bring the names in a folder to disk; raises OSError."""
    with Folder.open(path) as folder:
        folder.sync()
