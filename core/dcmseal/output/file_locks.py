"""One program at a time puts a new file in the place of an old one.

The lock is on the old file itself, with ``flock``: it leaves nothing behind, ends with the process whatever happens,
needs no right to write, and holds for every name of the file. Whoever waited for it finds another file under the name
afterwards, and knows. Where a file system has no such locks, a file is made beside, which only one can make.
"""

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

_MAX_WAIT: Final = 10.0
"""Seconds to wait: a lock is held while a file is renamed, and no longer."""
_FIRST_PAUSE: Final = 0.001
_MAX_PAUSE: Final = 0.05
NO_LOCKS: Final = UNSUPPORTED | {errno.ENOLCK, errno.EBADF, errno.EIO, errno.EACCES, errno.EPERM}
"""What file systems say that have no locks, or none on files that are open for reading only."""


@contextmanager
def lock_file(folder: Folder, name: str) -> Generator[None]:
    """Keep other programs that ask for this lock from replacing a file, if it is there.

    Raises OutputError if another has the lock for too long.
    """
    descriptor = _open_existing(folder, name)
    if descriptor is None:
        with _lock_beside(folder, name):
            yield
        return
    try:
        if _flock(descriptor, name):
            yield
        else:
            with _lock_beside(folder, name):
                yield
    finally:
        os.close(descriptor)


def _open_existing(folder: Folder, name: str) -> int | None:
    try:
        return folder.open_file(name)
    except OSError:
        return None


def _flock(descriptor: int, name: str) -> bool:
    """Lock an open file; False if the file system has no locks for it."""
    for _ in _iter_attempts():
        try:
            lock_exclusively(descriptor)
        except BlockingIOError:
            continue
        except OSError as error:
            if error.errno in NO_LOCKS:
                return False
            raise
        return True
    raise OutputError(f"{name} is locked by another program", hint="wait until that is done with it, and try again")


@contextmanager
def _lock_beside(folder: Folder, name: str) -> Generator[None]:
    """Hold a file of a name that follows from the other's; raises OutputError if another has it for too long."""
    lock = f".{truncate_name(name)}.{sha256(os.fsencode(name)).hexdigest()[:16]}.tmp"
    for _ in _iter_attempts():
        try:
            descriptor = folder.create(lock, 0o600)
        except FileExistsError:
            continue
        break
    else:
        raise OutputError(
            f"{name} is locked by another program", hint=f"if none is at work in that folder, remove {lock} there"
        )
    os.close(descriptor)
    try:
        yield
    finally:
        folder.remove(lock)


def _iter_attempts() -> Generator[None]:
    """Goes on until the lock has been waited for too long."""
    end = time.monotonic() + _MAX_WAIT
    pause = _FIRST_PAUSE
    while True:
        yield
        if time.monotonic() >= end:
            return
        time.sleep(pause)
        pause = min(2 * pause, _MAX_PAUSE)
