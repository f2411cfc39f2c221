"""The pixels that DCMTK makes of files: dcmj2pnm, of some, for it takes one file a call."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from tests.differential.reader_views import View

PATH: Final = "7FE00010 as shown"
_MOST: Final = 100


def views(files: Sequence[Path]) -> list[View | None]:
    """What DCMTK paints of each file; None where it refuses, or is not asked."""
    every = 1 + (len(files) - 1) // _MOST
    return [_view(file) if number % every == 0 else None for number, file in enumerate(files)]


def _view(file: Path) -> View | None:
    done = subprocess.run([_program(), "-q", "+op", str(file)], capture_output=True, check=False)
    return {PATH: done.stdout.hex()} if done.stdout and not done.returncode else None


@cache
def _program() -> str:
    """Its name up to DCMTK 3.6.7, or from 3.6.8 on."""
    return next(name for name in ("dcmj2pnm", "dcm2img") if shutil.which(name))
