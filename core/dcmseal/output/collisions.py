"""Outputs that would destroy something: an input, a key, a certificate, a list, a journal, or another output.

Files are compared by identity, so that no link, no other spelling of a path and no other case hides one:

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
    """A path that is read, or whose content has to stay."""

    path: str
    what: str
    """What it is, in words."""
    hint: str = "name another file for the output"


_FILE_PREFIX: Final = "file:"
_HEAD_SIZE: Final = 1 << 16
_PRIVATE_KEY: Final = re.compile(rb"^-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----", re.MULTILINE)
_JOURNAL_HEADER: Final = re.compile(rb"SQLite format 3\0.{52}dcsj", re.DOTALL)
"""A database whose application (at byte 68) is a journal of dcmseal."""


class FileLocation(NamedTuple):
    """Where a file is, or is going to be: equal for all paths that lead there."""

    device: int
    inode: int
    """Of the file; of its folder, if it is not there yet."""
    name: str = ""
    """If it is not there yet."""

    @classmethod
    def from_path(cls, path: str) -> FileLocation:
        """The place that a path leads to."""
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
        """Whether there is such a file already."""
        return not self.name


def check_outputs(outputs: Iterable[str], inputs: Iterable[ProtectedPath]) -> None:
    """Refuse outputs that are inputs, or each other, before anything is opened for writing; raises UsageError."""
    taken: dict[FileLocation, ProtectedPath] = {}
    for each in inputs:
        taken.setdefault(FileLocation.from_path(each.path), each)
    for output in outputs:
        place = FileLocation.from_path(output)
        if place in taken:
            raise UsageError(f"{output} is {taken[place].what}", hint=taken[place].hint)
        taken[place] = ProtectedPath(output, "another output")


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


def iter_key_files(uri: str) -> Iterator[str]:
    """The files that a key URI, or a path in its place, names, whatever its scheme takes them for."""
    from dcmseal.plugins.key_uri import KeyUri, find_key_scheme

    if find_key_scheme(uri) is None:
        yield from (each for each in (uri,) if each)
        return
    with suppress(UsageError):
        parsed = KeyUri.parse(uri)
        yield from (each.removeprefix(_FILE_PREFIX) for each in parsed.attributes.values())
        yield parsed.path


def check_replaceable(path: str) -> None:
    """Refuse to overwrite private keys and journals, whoever has given leave; raises UsageError."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD_SIZE)
    except OSError:
        return
    what = "a private key" if _PRIVATE_KEY.search(head) else "a journal" if _JOURNAL_HEADER.match(head) else ""
    if what:
        raise UsageError(
            f"{path} holds {what}, which is never overwritten", hint="name another file, or remove that one before"
        )


def fold_name(name: str) -> str:
    """What names have in common that differ in case, or in how characters are composed."""
    import unicodedata

    return unicodedata.normalize("NFC", name).casefold()


def folds_case(folder: str) -> bool:
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
