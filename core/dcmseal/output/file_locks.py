"""Locks on files, so that only one program at a time replaces a file.

The lock is an ``flock`` on the old file: it leaves nothing behind, ends with the process, needs no write permission,
and applies to all names of the file. After waiting for it, a program notices that the file was replaced. If the file
system does not support ``flock``, a lock file is created next to the file.
"""

# Kept apart: locks are independent of how a file is replaced.

from __future__ import annotations

import errno
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256
from typing import Final

from dcmseal.errors import OutputError
from dcmseal.output.flock import lock_exclusively
from dcmseal.output.folder import UNSUPPORTED, Folder
from dcmseal.output.temporary_files import truncate_name

LOCK_TIMEOUT: Final = 10.0
"""Seconds to wait; a lock is only held while a file is renamed."""
_FIRST_PAUSE: Final = 0.001
_MAX_PAUSE: Final = 0.05
NO_LOCKS: Final = UNSUPPORTED | {errno.ENOLCK, errno.EBADF, errno.EIO, errno.EACCES, errno.EPERM}
"""Errors of file systems that do not support locks, or only on files that are open for writing."""


@contextmanager
def lock_file(folder: Folder, name: str, timeout: float = LOCK_TIMEOUT) -> Generator[None]:
    """Lock a file as a context manager.

    Args:
        folder: The folder of the file.
        name: Its name.
        timeout: Seconds to wait for another program that holds the lock.

    Raises:
        OutputError: Another program holds the lock for too long.
    """
    descriptor = _open_existing(folder, name)
    if descriptor is None:
        with _lock_beside(folder, name, timeout):
            yield
        return
    try:
        if _flock(descriptor, name, timeout):
            yield
        else:
            with _lock_beside(folder, name, timeout):
                yield
    finally:
        os.close(descriptor)


def _open_existing(folder: Folder, name: str) -> int | None:
    try:
        return folder.open_file(name)
    except OSError:
        return None


def _flock(descriptor: int, name: str, timeout: float) -> bool:
    """Lock an open file; returns False if the file system does not support this."""
    for _ in _iter_attempts(timeout):
        try:
            lock_exclusively(descriptor)
        except BlockingIOError:
            continue
        except OSError as error:
            if error.errno in NO_LOCKS:
                return False
            raise
        return True
    raise OutputError(f"{name} is locked by another program", hint="wait until that program is done, and try again")


@contextmanager
def _lock_beside(folder: Folder, name: str, timeout: float) -> Generator[None]:
    """Create a lock file for a name; raises OutputError if another program has one for too long."""
    lock = f".{truncate_name(name)}.{sha256(os.fsencode(name)).hexdigest()[:16]}.tmp"
    for _ in _iter_attempts(timeout):
        try:
            descriptor = folder.create(lock, 0o600)
        except FileExistsError:
            continue
        break
    else:
        raise OutputError(
            f"{name} is locked by another program", hint=f"if no program uses that folder, remove {lock} there"
        )
    os.close(descriptor)
    try:
        yield
    finally:
        folder.remove(lock)


def _iter_attempts(timeout: float) -> Generator[None]:
    """Iterate, with pauses, until the time to wait for a lock is over."""
    end = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while True:
        yield
        if time.monotonic() >= end:
            return
        time.sleep(pause)
        pause = min(2 * pause, _MAX_PAUSE)
