"""Paths of results below an output folder: each input keeps its path below the common root of all inputs.

>>> OutputLayout.from_sources(["a/1.dcm", "b/1.dcm"]).source_prefix("b/1.dcm")
'b/1.dcm'
>>> OutputLayout.from_sources(["a/1.dcm"]).source_prefix("a/1.dcm")
'1.dcm'
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Self

from dcmseal.batch.inputs.glob_pattern import GlobPattern, is_pattern
from dcmseal.urls import URL_SEPARATOR

DICOMDIR: Final = "DICOMDIR"
"""File ID of the directory of a file-set (PS3.10 8.6)."""


class OutputLayout(NamedTuple):
    """The common root of all inputs: the deepest folder that contains every given folder and file."""

    root: str | None
    """None if there is none, as among URLs, or it is not known yet: the paths of a folder then begin with its name."""

    @classmethod
    def from_sources(cls, sources: Iterable[str]) -> Self:
        """Find the common root of all sources."""
        folders: set[str] = set()
        for source in sources:
            path = _to_path(source)
            if path is None:
                return cls(None)
            folders.add(os.path.abspath(_containing_folder(path)))
        return cls(os.path.commonpath(folders) if folders else None)

    @classmethod
    def from_argument(cls, sources: Iterable[str]) -> Self:
        """Find the common root of a sequence; it is unknown if sources arrive one at a time."""
        return cls.from_sources(sources) if isinstance(sources, Sequence) else cls(None)

    def folder_prefix(self, folder: str) -> str:
        """Return the prefix of the paths of files in a folder: empty, or a path that ends in a slash."""
        folder = os.path.abspath(folder)
        prefix = os.path.basename(folder) if self.root is None else os.path.relpath(folder, self.root)
        return f"{prefix.replace(os.sep, '/')}/" if prefix not in ("", os.curdir) else ""

    def source_prefix(self, source: str) -> str:
        """Return the prefix of the paths of everything in a source; for a file, its path."""
        path = _to_path(source)
        if path is None:
            from dcmseal.batch.inputs.storage_objects import url_root

            return url_root(source)
        folder = _containing_folder(path)
        if path == folder or os.path.basename(path) == DICOMDIR or _is_glob(path):
            return self.folder_prefix(folder)
        return self.file_path(path)

    def file_path(self, path: str) -> str:
        """Return the path of a file that was given."""
        prefix = "" if self.root is None else self.folder_prefix(os.path.dirname(path))
        return f"{prefix}{os.path.basename(path)}"


def _to_path(source: str) -> str | None:
    """Convert a source to a path; None if it is the URL of an object."""
    if URL_SEPARATOR not in source:
        return source
    from dcmseal.batch.inputs.storage_objects import to_local_path

    return to_local_path(source)


def _containing_folder(path: str) -> str:
    """Return a folder itself, the folder in which a pattern begins, or the folder of a file."""
    if os.path.isdir(path):
        return path
    return GlobPattern.parse(path).folder if _is_glob(path) else os.path.dirname(path)


def _is_glob(path: str) -> bool:
    return is_pattern(path) and not os.path.exists(path)
