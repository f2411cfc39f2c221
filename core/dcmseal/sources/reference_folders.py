"""Folders with the instances that documents cite: which file is which instance.

>>> folders = ReferenceFolders(["."])
>>> folders.find_files("1.2.826.0.1.3680043.10.99.7")
()
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import islice
from typing import Final, TypeAlias

from dcmseal import tags
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.walk import CLOSING_EVENTS, OPENING_EVENTS, Event, walk
from dcmseal.errors import DatasetError, InstanceAmbiguous, InstanceNotFound, UsageError
from dcmseal.sources.dataset_input import open_header, open_source

PathInput: TypeAlias = str | os.PathLike[str]
References: TypeAlias = "ReferenceFolders | PathInput | Iterable[PathInput]"
"""Folders with the instances that documents cite: one path or several, or ReferenceFolders."""
ProgressCallback: TypeAlias = Callable[[str], object]
"""Told now and then, in words, how far it is; an empty text says that nothing goes on."""

_MAX_ENTRIES: Final = 250_000
"""Files and folders looked at; each takes a moment, and each instance some memory."""
_MAX_STEPS: Final = 10_000
"""Elements looked at, nested ones included, before SOP Instance UID."""
_MAX_UID: Final = 128
_PROGRESS_INTERVAL: Final = 100


class ReferenceFolders:
    """Finds instances by SOP Instance UID in folders, and in what is below them.

    Nothing is read before the first lookup; then each file is opened once and read up to its SOP Instance UID. Other
    files are skipped, and links to folders are not followed. Two values with the same paths are equal, and a pickled
    value contains the paths only.

    Raises:
        UsageError: A folder does not exist.
    """

    def __init__(self, paths: Iterable[PathInput], progress: ProgressCallback | None = None) -> None:
        self._paths = tuple(os.fspath(path) for path in paths)
        for path in self._paths:
            if not os.path.exists(path):
                raise UsageError(f"{path} is not there", hint="name a folder with the instances that are cited")
        self._progress = progress or _no_progress
        self._opened = 0
        self._found: dict[str, list[str]] | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """The folders."""
        return self._paths

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ReferenceFolders) and self._paths == other.paths

    def __hash__(self) -> int:
        return hash(self._paths)

    def __repr__(self) -> str:
        return f"ReferenceFolders({list(self._paths)!r})"

    def __reduce__(self) -> tuple[type[ReferenceFolders], tuple[tuple[str, ...]]]:
        return ReferenceFolders, (self._paths,)

    def find_files(self, uid: str) -> tuple[str, ...]:
        """The files that hold an instance; raises UsageError if there are too many to look at."""
        if self._found is None:
            self._found = self._build_index()
        return tuple(sorted(self._found.get(uid, ())))

    def find_file(self, uid: str) -> str:
        """The one file that holds an instance, or any of several that are equal.

        Raises InstanceNotFound, and InstanceAmbiguous if there are several with different Data Sets.
        """
        files = self.find_files(uid)
        if not files:
            raise InstanceNotFound(
                f"instance {uid} is not in the folders", hint="name the folder that it is in; several may be named"
            )
        first, *others = files
        content = _content_digest(first) if others else b""
        for other in others:
            if _content_digest(other) != content:
                raise InstanceAmbiguous(
                    f"instance {uid} is there more than once, with different content: {first} and {other}",
                    hint="take those away that are not meant",
                )
        return first

    @contextmanager
    def open_instance(self, uid: str) -> Generator[tuple[str, DicomFile]]:
        """The file of an instance, open for as long as the context lasts; raises as ``file_of``, and DatasetError."""
        path = self.find_file(uid)
        self._opened += 1
        self._progress(f"reading instance {self._opened}")
        try:
            with open_source(path) as file:
                # it may be another file by now
                if read_instance_uid(file) != uid:
                    raise InstanceNotFound(f"{path} changed while it was looked at", hint="try again")
                yield path, file
        finally:
            self._progress("")

    def _build_index(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for count, path in enumerate(self._iter_files()):
            if not count % _PROGRESS_INTERVAL:
                self._progress(f"looking for instances: {count} files")
            uid = _read_uid(path)
            if uid:
                files = found.setdefault(uid, [])
                if path not in files:
                    files.append(path)
        self._progress("")
        return found

    def _iter_files(self) -> Iterator[str]:
        """Regular files in and below the folders, and files named as such."""
        pending: list[str] = []
        for path in self._paths:
            if os.path.isdir(path):
                pending.append(path)
            elif os.path.isfile(path):
                yield path
        count = 0
        while pending:
            for entry in _iter_entries(pending.pop()):
                count += 1
                if count > _MAX_ENTRIES:
                    raise UsageError(
                        f"there are more than {_MAX_ENTRIES} files in the folders",
                        hint="name folders that hold little besides what is cited",
                    )
                # a link in a circle, or to what is not there, is no file
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif entry.is_file():
                        yield entry.path


def read_instance_uid(file: DicomFile) -> str:
    """SOP Instance UID (0008,0018) of the main Data Set; empty if there is none, or none that can be one.

    Raises Malformed.
    """
    depth = 0
    for step in islice(walk(file.body, file.start, file.end, file.encoding), _MAX_STEPS):
        if not depth and step.tag >= tags.SOP_INSTANCE_UID:
            if step.tag > tags.SOP_INSTANCE_UID or step.event is not Event.ELEMENT or step.end - step.value > _MAX_UID:
                break
            return file.body.read(step.value, step.end).decode("ascii", "replace").strip(" \0")
        depth += (step.event in OPENING_EVENTS) - (step.event in CLOSING_EVENTS)
    return ""


def to_reference_folders(references: References | None) -> ReferenceFolders | None:
    """Convert one path or several to ReferenceFolders; None, or no path at all, is None."""
    if references is None or isinstance(references, ReferenceFolders):
        return references
    paths = (references,) if isinstance(references, (str, os.PathLike)) else tuple(references)
    return ReferenceFolders(paths) if paths else None


def _iter_entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """What is in a folder; nothing, if it cannot be read."""
    with suppress(OSError), os.scandir(folder) as entries:
        yield from entries


def _read_uid(path: str) -> str:
    with suppress(DatasetError), open_header(path) as file:
        return read_instance_uid(file)
    return ""


def _content_digest(path: str) -> bytes:
    """Tells different Data Sets, or transfer syntaxes, apart."""
    with open_source(path) as file:
        digest = sha256(file.syntax.uid.encode())
        for piece in file.body.chunks(file.start, file.end):
            digest.update(piece)
    return digest.digest()


def _no_progress(_: str) -> None:
    pass
