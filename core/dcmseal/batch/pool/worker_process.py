"""A process of the pool: it leaves Ctrl-C to its parent, and ends with it."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing import parent_process
from threading import Event, Lock, Thread
from typing import Final

_BUSY: Final = Lock()
"""Held while a chunk is worked on."""
_ORPHANED: Final = Event()
"""The parent was killed."""


def init_worker_process() -> None:
    """Initialize a process of a pool."""
    # the parent decides what becomes of files that are half done
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_exit_with_parent, daemon=True).start()


@contextmanager
def block_exit() -> Generator[None]:
    """Let the process end between two files only, as a context manager."""
    if parent_process() is None:
        yield
        return
    with _BUSY:
        yield


def exit_without_parent() -> None:
    """End this process of a pool if its parent was killed, because no process takes its results."""
    if _ORPHANED.is_set():
        os._exit(1)


def _exit_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        _ORPHANED.set()
        with _BUSY:  # a process without work would wait for some for ever
            os._exit(1)
