"""Open folders: names are relative to the descriptor, so that paths do not get too long, nor lead elsewhere.

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
"""Errors of file systems that do not support a call."""


class Folder:
    """An open folder.

    Args:
        descriptor: Its file descriptor.
        can_sync: Whether the descriptor can be synced.
    """

    __slots__ = ("_can_sync", "descriptor")

    def __init__(self, descriptor: int, *, can_sync: bool) -> None:
        self.descriptor = descriptor
        self._can_sync = can_sync

    @classmethod
    @contextmanager
    def open(cls, path: str) -> Generator[Self]:
        """Open a folder as a context manager, even if it cannot be listed.

        Raises:
            OSError: The folder cannot be opened.
            OutputError: The system does not support file locks.
        """
        load_fcntl()
        can_sync = True
        try:
            descriptor = os.open(path or ".", os.O_RDONLY | _FOLDER)
        except PermissionError:
            # files can be created in a folder that cannot be listed
            if not _PATH_ONLY:
                raise
            descriptor, can_sync = os.open(path or ".", _PATH_ONLY | _FOLDER), False
        try:
            yield cls(descriptor, can_sync=can_sync)
        finally:
            os.close(descriptor)

    def status(self, name: str) -> os.stat_result | None:
        """Return the status of a name without following links; None if it does not exist."""
        try:
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def create(self, name: str, mode: int) -> int:
        """Create a file and open it for reading and writing; raises OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY | _CLOEXEC
        return os.open(name, flags, mode, dir_fd=self.descriptor)

    def open_file(self, name: str, *, writable: bool = False) -> int:
        """Open a file without following links and without blocking; raises OSError."""
        flags = (os.O_RDWR if writable else os.O_RDONLY) | _NO_FOLLOW | _NON_BLOCKING | _BINARY | _CLOEXEC
        return os.open(name, flags, dir_fd=self.descriptor)

    def replace(self, name: str, by: str) -> None:
        """Rename the file ``by`` to ``name``, replacing it; raises OSError."""
        os.replace(by, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def link(self, name: str, to: str) -> None:
        """Add ``name``, which must not exist, to the file ``to``; raises OSError."""
        os.link(to, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor, follow_symlinks=False)

    def remove(self, name: str) -> None:
        """Remove a file if possible."""
        with suppress(OSError):
            os.unlink(name, dir_fd=self.descriptor)

    def sync(self) -> None:
        """Sync the names in the folder to disk; raises OSError."""
        if self._can_sync:
            sync_descriptor(self.descriptor)
        else:
            # the folder cannot be opened for reading, so sync all file systems instead
            os.sync()


def sync_descriptor(descriptor: int) -> None:
    """Sync a file or folder to disk, if the file system supports it; raises OSError."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise


def sync_folder(path: str) -> None:
    """Sync the names in a folder to disk; raises OSError."""
    with Folder.open(path) as folder:
        folder.sync()
