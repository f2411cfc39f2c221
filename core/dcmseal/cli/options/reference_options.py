"""The option for folders with referenced instances; a terminal shows the progress of reading them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from dcmseal.sources.reference_folders import ReferenceFolders

_PROGRESS_WIDTH: Final = 40


def build_reference_folders(paths: Sequence[str]) -> ReferenceFolders | None:
    """The folders, which are read once for all files; None without any."""
    if not paths:
        return None
    from dcmseal.sources.reference_folders import ReferenceFolders

    # sys.stderr is None if the descriptor was closed before Python started
    stream: TextIO | None = sys.stderr
    if stream is None or not stream.isatty():
        return ReferenceFolders(paths)
    return ReferenceFolders(paths, partial(_show_progress, stream))


def _show_progress(stream: TextIO, text: str) -> None:
    """Overwrite the current line."""
    stream.write(f"\r{text:{_PROGRESS_WIDTH}}\r")
    stream.flush()
