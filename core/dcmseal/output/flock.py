"""Locks on open files, with ``flock``; only POSIX systems have them."""

from __future__ import annotations

from types import ModuleType

from dcmseal.errors import OutputError


def lock_exclusively(descriptor: int) -> None:
    """Lock an open file without waiting; raises BlockingIOError if it is locked, and OSError or OutputError."""
    fcntl = load_fcntl()
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def load_fcntl() -> ModuleType:
    """Import ``fcntl``; raises OutputError on systems that lack it, such as Windows."""
    try:
        import fcntl
    except ImportError:
        raise OutputError(
            "writing files is not supported on this system: it has no POSIX file locks",
            hint="use Linux or macOS; on Windows, use WSL (Windows Subsystem for Linux)",
        ) from None
    return fcntl
