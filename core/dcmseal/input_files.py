"""Files that are named as input, opened so that a pipe that nobody writes to does not hold up the program for ever."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from io import FileIO
from typing import Final

PIPE_TIMEOUT: Final = 5.0
"""Seconds that a named pipe has to be opened for writing."""


def open_input(path: str | os.PathLike[str], *, timeout: float = PIPE_TIMEOUT) -> FileIO:
    """Open a file for reading, without a buffer.

    A pipe is read once another program has opened it for writing. Terminals and other devices are refused, except for
    the one that is empty.

    Raises:
        OSError: It cannot be opened, or is of a kind that is not read.
        ValueError: It is not a path of this system.
    """
    mode = os.stat(path).st_mode
    if stat.S_ISFIFO(mode):
        return _open_pipe(path, timeout)
    if stat.S_ISCHR(mode) and not os.path.samefile(path, os.devnull):
        raise OSError(errno.EINVAL, "it is a terminal or another device", os.fspath(path))
    return _open_unbuffered(path)


def _open_unbuffered(path: str | os.PathLike[str]) -> FileIO:
    return open(path, "rb", buffering=0)


def _open_pipe(path: str | os.PathLike[str], timeout: float) -> FileIO:
    """Opening a pipe takes until somebody opens its other end; a thread waits for that, so that it can be given up."""
    from threading import Thread

    opened: list[FileIO] = []
    failed: list[OSError] = []

    def wait() -> None:
        try:
            opened.append(_open_unbuffered(path))
        except OSError as error:
            failed.append(error)

    waiting = Thread(target=wait, daemon=True)
    waiting.start()
    waiting.join(timeout)
    if failed:
        raise failed[0]
    if opened:
        return opened[0]
    with suppress(OSError):  # who may not write to the pipe leaves the thread waiting
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        waiting.join()
        opened.pop().close()
    raise TimeoutError(errno.ETIMEDOUT, f"it is a named pipe that no program opened for writing in {timeout:g} s")
