"""Where a file is written, and from which file it is made."""

from __future__ import annotations

import os

from msgspec import Struct

from dcmseal.output.file_locks import LOCK_TIMEOUT


class OutputFile(Struct, frozen=True):
    """A path to write to, and how."""

    path: str
    is_new: bool = False
    """Whether to fail if a file exists, even one that another program creates in the meantime."""
    synced: bool = False
    """Whether to sync the folder too. Otherwise, the old file may return after a power cut. For many files, calling
    ``sync_folder`` once at the end is faster."""
    lock_timeout: float = LOCK_TIMEOUT
    """Seconds to wait for another program that replaces the file."""

    def __fspath__(self) -> str:
        return self.path


class Original(Struct, frozen=True):
    """The open file from which an output is made."""

    descriptor: int
    status: os.stat_result
    """Its status before anything was read."""
    path: str | None = None
    """The path by which it was opened, if any."""

    def is_at(self, path: str) -> bool:
        """Whether it was opened by this path."""
        return self.path is not None and (self.path == path or os.path.abspath(self.path) == os.path.abspath(path))
