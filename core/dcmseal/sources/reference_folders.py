"""Find the files of cited instances in folders.

>>> folders = ReferenceFolders(["."])
>>> folders.find_files("1.2.826.0.1.3680043.10.99.7")
()
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
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
"""Called with a text about the progress; an empty text removes it."""

MAX_ENTRIES: Final = 250_000
"""Maximum number of files and folders, to limit time and memory."""
_MAX_STEPS: Final = 10_000
"""Maximum number of elements, nested ones included, that are read to find SOP Instance UID."""
_MAX_UID: Final = 128
_PROGRESS_INTERVAL: Final = 100


class ReferenceFolders:
    """Finds instances by SOP Instance UID in folders and their subfolders.

    The first search opens each file once and reads it up to its SOP Instance UID. Files that are not DICOM instances
    are ignored. Links to folders are not followed. Two values with the same paths are equal. A pickled value contains
    the paths and the limit only.

    Args:
        paths: The folders; single files are allowed too.
        progress: Called with texts about the progress.
        max_entries: Maximum number of files and folders.

    Raises:
        UsageError: A path does not exist.
    """

    def __init__(
        self, paths: Iterable[PathInput], progress: ProgressCallback | None = None, *, max_entries: int = MAX_ENTRIES
    ) -> None:
        self._paths = tuple(os.fspath(path) for path in paths)
        for path in self._paths:
            if not os.path.exists(path):
                raise UsageError(f"{path} does not exist", hint="give a folder with the instances that are cited")
        self._progress = progress or _no_progress
        self._max_entries = max_entries
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

    def __reduce__(self) -> tuple[Callable[..., ReferenceFolders], tuple[tuple[str, ...]]]:
        return partial(ReferenceFolders, max_entries=self._max_entries), (self._paths,)

    def find_files(self, uid: str) -> tuple[str, ...]:
        """Find all files of an instance.

        Args:
            uid: SOP Instance UID.

        Returns:
            The paths, sorted.

        Raises:
            UsageError: The folders contain too many files.
        """
        if self._found is None:
            self._found = self._build_index()
        return tuple(sorted(self._found.get(uid, ())))

    def find_file(self, uid: str) -> str:
        """Find the file of an instance.

        Args:
            uid: SOP Instance UID.

        Returns:
            The path; one of them if several files have the same content.

        Raises:
            InstanceNotFound: No file contains the instance.
            InstanceAmbiguous: Several files contain the instance with different content.
            UsageError: The folders contain too many files.
        """
        files = self.find_files(uid)
        if not files:
            raise InstanceNotFound(f"instance {uid} is not in the folders", hint="add the folder that contains it")
        first, *others = files
        content = _content_digest(first) if others else b""
        for other in others:
            if _content_digest(other) != content:
                raise InstanceAmbiguous(
                    f"the folders contain different versions of instance {uid}: {first} and {other}",
                    hint="keep only the version that was cited",
                )
        return first

    @contextmanager
    def open_instance(self, uid: str) -> Generator[tuple[str, DicomFile]]:
        """Open the file of an instance, as a context manager.

        Args:
            uid: SOP Instance UID.

        Yields:
            The path, and the open file.

        Raises:
            InstanceNotFound: No file contains the instance.
            InstanceAmbiguous: Several files contain the instance with different content.
            DatasetError: The file cannot be parsed, or the subclass that says why.
            UsageError: The folders contain too many files.
        """
        path = self.find_file(uid)
        self._opened += 1
        self._progress(f"reading instance {self._opened}")
        try:
            with open_source(path) as file:
                # the file may have been replaced since the search
                if read_instance_uid(file) != uid:
                    raise InstanceNotFound(f"{path} changed while it was read", hint="try again")
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
        """Iterate over the regular files in the folders and subfolders, and the files given themselves."""
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
                if count > self._max_entries:
                    raise UsageError(
                        f"the folders contain more than {self._max_entries} files",
                        hint="give smaller folders that contain the cited instances",
                    )
                # ignore links that are circular or broken
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif entry.is_file():
                        yield entry.path


def read_instance_uid(file: DicomFile) -> str:
    """Read SOP Instance UID (0008,0018) of the main Data Set.

    Args:
        file: The instance.

    Returns:
        The UID; empty if it is missing or too long.

    Raises:
        Malformed: The Data Set cannot be parsed.
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
    """Iterate over a folder; it counts as empty if it cannot be read."""
    with suppress(OSError), os.scandir(folder) as entries:
        yield from entries


def _read_uid(path: str) -> str:
    with suppress(DatasetError), open_header(path) as file:
        return read_instance_uid(file)
    return ""


def _content_digest(path: str) -> bytes:
    """Compute a digest of the Data Set and its transfer syntax."""
    with open_source(path) as file:
        digest = sha256(file.syntax.uid.encode())
        for piece in file.body.chunks(file.start, file.end):
            digest.update(piece)
    return digest.digest()


def _no_progress(_: str) -> None:
    pass
