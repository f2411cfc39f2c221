"""Folders with the instances that documents cite, named on the command line; terminals show how far they are."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from dcmseal.engine.references.folders import Folders

_WIDTH: Final = 40


def folders(paths: Sequence[str]) -> Folders | None:
    """The folders, looked through once for all files; None if none is named."""
    if not paths:
        return None
    from dcmseal.engine.references.folders import Folders

    # sys.stderr is None if the descriptor was closed before Python started
    stream: TextIO | None = sys.stderr
    if stream is None or not stream.isatty():
        return Folders(paths)
    return Folders(paths, partial(_show, stream))


def _show(stream: TextIO, text: str) -> None:
    """Write over the line; what comes next writes over it in turn."""
    stream.write(f"\r{text:{_WIDTH}}\r")
    stream.flush()
