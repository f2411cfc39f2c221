"""Checks that outputs do not overwrite an input, a key, a certificate, a list, a journal or another output.

Files are compared by identity, so that links and different spellings of a path are recognized:

>>> check_outputs(["new.dcm"], [ProtectedPath("image.dcm", "an input")])
>>> check_outputs(["./image.dcm"], [ProtectedPath("image.dcm", "an input")])
Traceback (most recent call last):
dcmseal.errors.UsageError: ./image.dcm is an input
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from dcmseal.errors import UsageError


class ProtectedPath(NamedTuple):
    """A path that must not be overwritten."""

    path: str
    what: str
    """What it is, for messages."""
    hint: str = "name another file for the output"


_FILE_PREFIX: Final = "file:"
_HEAD_SIZE: Final = 1 << 16
_PRIVATE_KEY: Final = re.compile(rb"^-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----", re.MULTILINE)
_JOURNAL_HEADER: Final = re.compile(rb"SQLite format 3\0.{52}dcsj", re.DOTALL)
"""An SQLite database with the application ID of journals at byte 68."""


class FileLocation(NamedTuple):
    """Where a file is or will be: equal for all paths that lead there."""

    device: int
    inode: int
    """Of the file, or of its folder if the file does not exist."""
    name: str = ""
    """The name of a file that does not exist."""

    @classmethod
    def from_path(cls, path: str) -> FileLocation:
        """Find the location of a path."""
        with suppress(OSError, ValueError):
            status = os.stat(path)
            return cls(status.st_dev, status.st_ino)
        if os.path.islink(path):
            path = os.path.realpath(path)
        folder, name = os.path.split(path)
        with suppress(OSError, ValueError):
            status = os.stat(folder or ".")
            return cls(status.st_dev, status.st_ino, fold_name(name) if folds_case(folder or ".") else name)
        return cls(0, 0, os.path.abspath(path))

    @property
    def exists(self) -> bool:
        """Whether the file exists."""
        return not self.name


def check_outputs(outputs: Iterable[str], inputs: Iterable[ProtectedPath]) -> None:
    """Check that no output is an input or another output, before anything is opened for writing; raises UsageError."""
    taken: dict[FileLocation, ProtectedPath] = {}
    for each in inputs:
        taken.setdefault(FileLocation.from_path(each.path), each)
    for output in outputs:
        place = FileLocation.from_path(output)
        if place in taken:
            raise UsageError(f"{output} is {taken[place].what}", hint=taken[place].hint)
        taken[place] = ProtectedPath(output, "another output")


def is_inside(path: str, folder: str) -> bool:
    """Whether a path leads to something in a folder at any depth."""
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


def iter_key_files(uri: str) -> Iterator[str]:
    """Iterate over the possible files in a key URI, or the path in place of one."""
    from dcmseal.plugins.key_uri import KeyUri, find_key_scheme

    if find_key_scheme(uri) is None:
        yield from (each for each in (uri,) if each)
        return
    with suppress(UsageError):
        parsed = KeyUri.parse(uri)
        yield from (each.removeprefix(_FILE_PREFIX) for each in parsed.attributes.values())
        yield parsed.path


def check_replaceable(path: str) -> None:
    """Check that a file is not a private key or a journal, which are never overwritten; raises UsageError."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD_SIZE)
    except OSError:
        return
    what = "a private key" if _PRIVATE_KEY.search(head) else "a journal" if _JOURNAL_HEADER.match(head) else ""
    if what:
        raise UsageError(
            f"{path} contains {what}, which is never overwritten", hint="name another file, or remove that one first"
        )


def fold_name(name: str) -> str:
    """Normalize a name, so that names that differ in case or composition of characters are equal."""
    import unicodedata

    return unicodedata.normalize("NFC", name).casefold()


def folds_case(folder: str) -> bool:
    """Whether a folder seems to be case-insensitive, judging by its entries."""
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
