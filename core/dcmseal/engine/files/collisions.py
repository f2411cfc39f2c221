"""Outputs that would destroy something: an input, a key, a certificate, a list, a journal, or another output.

Files are compared by identity, so that no link, no other spelling of a path and no other case hides one:

>>> check_outputs(["new.dcm"], [("image.dcm", "an input")])
>>> check_outputs(["./image.dcm"], [("image.dcm", "an input")])
Traceback (most recent call last):
dcmseal.errors.UsageError: ./image.dcm is an input
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple, TypeAlias

from dcmseal.errors import UsageError

Input: TypeAlias = tuple[str, str]
"""A path that is read, or whose content has to stay, and what it is."""


class Place(NamedTuple):
    """Where a file is, or is going to be: equal for all paths that lead there."""

    device: int
    inode: int
    """Of the file; of its folder, if it is not there yet."""
    name: str = ""
    """If it is not there yet."""

    @classmethod
    def of(cls, path: str) -> Place:
        """The place that a path leads to."""
        with suppress(OSError, ValueError):
            status = os.stat(path)
            return cls(status.st_dev, status.st_ino)
        if os.path.islink(path):
            path = os.path.realpath(path)
        folder, name = os.path.split(path)
        with suppress(OSError, ValueError):
            status = os.stat(folder or ".")
            return cls(status.st_dev, status.st_ino, _folded(name) if _folds(folder or ".") else name)
        return cls(0, 0, os.path.abspath(path))

    @property
    def is_there(self) -> bool:
        """Whether there is such a file already."""
        return not self.name


def check_outputs(outputs: Iterable[str], inputs: Iterable[Input]) -> None:
    """Refuse outputs that are inputs, or each other, before anything is opened for writing; raises UsageError."""
    taken: dict[Place, str] = {}
    for path, what in inputs:
        taken.setdefault(Place.of(path), what)
    for output in outputs:
        place = Place.of(output)
        if place in taken:
            raise UsageError(f"{output} is {taken[place]}", hint="name another file for the output")
        taken[place] = "another output"


def is_inside(path: str, folder: str) -> bool:
    """Whether a path leads to something in a folder, or below it."""
    with suppress(OSError, ValueError):
        status = os.stat(folder)
        above = os.path.realpath(path)
        while True:
            above, below = os.path.dirname(above), above
            if above == below:
                return False
            with suppress(OSError):
                if os.path.samestat(os.stat(above), status):
                    return True
    return False


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _folds(folder: str) -> bool:
    """Whether names in a folder are the same in upper and lower case, as far as what is in it shows."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            other = entry.name.swapcase()
            if other != entry.name:
                with suppress(OSError):
                    return os.path.samestat(os.lstat(os.path.join(folder, other)), entry.stat(follow_symlinks=False))
                return False
    here = os.path.abspath(folder)
    other = os.path.join(os.path.dirname(here), os.path.basename(here).swapcase())
    with suppress(OSError):
        return other != here and os.path.samefile(here, other)
    return False
