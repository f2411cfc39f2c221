"""Input files, opened so that a pipe without a writer does not block forever."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from io import FileIO
from typing import Final

PIPE_TIMEOUT: Final = 5.0
"""Seconds to wait until another program opens a named pipe for writing."""


def open_input(path: str | os.PathLike[str], *, timeout: float = PIPE_TIMEOUT) -> FileIO:
    """Open a file for unbuffered reading.

    Named pipes are allowed. Terminals and other devices are not, except the null device.

    Args:
        path: The file.
        timeout: Seconds to wait until another program opens a named pipe for writing.

    Raises:
        OSError: The file cannot be opened, or is a device.
        ValueError: The path is not valid on this system.
    """
    mode = os.stat(path).st_mode
    if stat.S_ISFIFO(mode):
        return _open_pipe(path, timeout)
    if stat.S_ISCHR(mode) and not os.path.samefile(path, os.devnull):
        raise OSError(errno.EINVAL, "it is a terminal or another device", os.fspath(path))
    return _open_raw(path)


def _open_raw(path: str | os.PathLike[str]) -> FileIO:
    return open(path, "rb", buffering=0)


def _open_pipe(path: str | os.PathLike[str], timeout: float) -> FileIO:
    """Open a named pipe in a thread, because opening blocks until the other end is opened."""
    from threading import Thread

    opened: list[FileIO] = []
    failed: list[OSError] = []

    def wait() -> None:
        try:
            opened.append(_open_raw(path))
        except OSError as error:
            failed.append(error)

    waiting = Thread(target=wait, daemon=True)
    waiting.start()
    waiting.join(timeout)
    if failed:
        raise failed[0]
    if opened:
        return opened[0]
    # open the other end to release the thread; without write permission, it stays blocked
    with suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        waiting.join()
        opened.pop().close()
    raise TimeoutError(errno.ETIMEDOUT, f"it is a named pipe that no program opened for writing within {timeout:g} s")
