"""Folders with the instances that documents cite, named on the command line; terminals show how far they are."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from dcmseal.sources.reference_folders import ReferenceFolders

_PROGRESS_WIDTH: Final = 40


def build_reference_folders(paths: Sequence[str]) -> ReferenceFolders | None:
    """The folders, looked through once for all files; None if none is named."""
    if not paths:
        return None
    from dcmseal.sources.reference_folders import ReferenceFolders

    # sys.stderr is None if the descriptor was closed before Python started
    stream: TextIO | None = sys.stderr
    if stream is None or not stream.isatty():
        return ReferenceFolders(paths)
    return ReferenceFolders(paths, partial(_show_progress, stream))


def _show_progress(stream: TextIO, text: str) -> None:
    """Write over the line; what comes next writes over it in turn."""
    stream.write(f"\r{text:{_PROGRESS_WIDTH}}\r")
    stream.flush()
