"""Reads modes of files, and makes system calls fail."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dcmseal
from tests.support import builder as b

SMALL = b.file(b.image())
Sign = Callable[..., dcmseal.SigningResult]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fail
