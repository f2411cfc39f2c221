"""Finding inputs: files, folders with everything below them, file-sets, patterns and storage objects.

>>> [found.source for found in iter_inputs(["/no/such/file"])]
['/no/such/file']
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from dcmseal.api.installed_plugins import provide_registry
from dcmseal.batch.inputs.glob_pattern import GlobPattern, is_pattern
from dcmseal.batch.inputs.input_file import BatchInput, UnreadableInput, has_dicom_name, make_input_file
from dcmseal.batch.inputs.output_layout import DICOMDIR, OutputLayout
from dcmseal.errors import DatasetError, NotDicom, UsageError
from dcmseal.output.temporary_files import is_temporary
from dcmseal.plugins.registry_provider import RegistryProvider
from dcmseal.urls import URL_SEPARATOR

if TYPE_CHECKING:
    from dcmseal.plugins.registry import Registry

_FolderIdentity: TypeAlias = tuple[int, int]


class _FolderEntry(NamedTuple):
    path: str
    relative: str
    is_folder: bool
    is_link: bool = False


class _DiscoveryRules(NamedTuple):
    """What to skip, and what to follow."""

    excluded_folders: frozenset[_FolderIdentity]
    excluded_prefixes: tuple[str, ...]
    has_several_roots: bool
    layout: OutputLayout
    registry: RegistryProvider
    follow_links: bool
    skip_duplicate_links: bool


def iter_inputs(
    sources: Iterable[str],
    *,
    exclude: Iterable[str] = (),
    follow_links: bool = False,
    skip_duplicate_links: bool = False,
    layout: OutputLayout | None = None,
    registry: Registry | None = None,
) -> Iterator[BatchInput]:
    """Iterate over the files that sources name: files, folders, DICOMDIR file-sets, patterns, and URLs of these.

    The order is that of the sources, and of the names within a folder. Whether a file is DICOM shows only when it is
    opened; ``InputFile.must_be_dicom`` says whether it has to be. Nothing is left out silently: what does not exist or
    cannot be read is an UnreadableInput. So is anything that is not a regular file, with the error NotDicom unless it
    claims to be DICOM, and a link in a folder to a file outside of it, unless ``follow_links`` is set. Links to
    folders are never followed.

    Only the names in the folders on the way to a file are held in memory, and the files that a DICOMDIR lists.

    Args:
        sources: Paths, patterns (``**`` matches any number of folders) and URLs.
        exclude: Folders and URL prefixes to skip.
        follow_links: Whether to follow links in folders to files outside of them.
        skip_duplicate_links: Whether to skip links to files that are found anyway.
        layout: Where the paths for output begin; None for the common root of all sources, or for the name of the
            folder if the sources arrive one at a time.
        registry: The plugins for URLs; None for all that are installed.
    """
    exclude = tuple(exclude)
    rules = _DiscoveryRules(
        excluded_folders=frozenset(_iter_identities(exclude)),
        excluded_prefixes=tuple(f"{folder.rstrip('/')}/" for folder in exclude if URL_SEPARATOR in folder),
        has_several_roots=has_several_roots(sources),
        layout=OutputLayout.from_argument(sources) if layout is None else layout,
        registry=provide_registry(registry),
        follow_links=follow_links,
        skip_duplicate_links=skip_duplicate_links,
    )
    for word in sources:
        yield from _iter_source(word, rules)


def has_several_roots(sources: Iterable[str]) -> bool:
    """Whether output paths begin with the names of folders."""
    return not isinstance(sources, Sequence) or len(sources) > 1


def _iter_source(source: str, rules: _DiscoveryRules) -> Iterator[BatchInput]:
    if URL_SEPARATOR in source:
        from dcmseal.batch.inputs.storage_objects import iter_objects, to_local_path
        from dcmseal.plugins.storage_urls import redact_secrets

        try:
            path = to_local_path(source)
        except UsageError as error:
            yield UnreadableInput(source=redact_secrets(source), error=error)
            return
        if path is None:
            yield from iter_objects(
                source, rules.registry, has_several_roots=rules.has_several_roots, exclude=rules.excluded_prefixes
            )
            return
        source = path
    try:
        status = os.stat(source)
    except OSError as error:
        yield from _iter_matching(source, rules) if is_pattern(source) else (_unreadable(source, error),)
        return
    if stat.S_ISDIR(status.st_mode):
        yield from _walk_folder(source, rules.layout.folder_prefix(source), source, rules, set())
    elif os.path.basename(source) == DICOMDIR:
        from dcmseal.batch.inputs.dicomdir import iter_fileset

        yield from iter_fileset(source, rules.layout.folder_prefix(os.path.dirname(source)))
    else:
        yield make_input_file(source, rules.layout.file_path(source), status, must_be_dicom=True)


def _walk_folder(
    folder: str, relative: str, root: str, rules: _DiscoveryRules, fileset_paths: set[str]
) -> Iterator[BatchInput]:
    """Iterate over the files in a folder and below it, and the missing files of a DICOMDIR there.

    ``root`` is the folder that was given. ``fileset_paths`` are paths that a DICOMDIR lists; those of nested ones are
    added.
    """
    pending = [iter([_FolderEntry(folder, relative.removesuffix("/"), is_folder=True)])]
    while pending:
        entry = next(pending[-1], None)
        if entry is None:
            pending.pop()
        elif not entry.is_folder:
            yield from _iter_file(entry, root, rules, fileset_paths)
        elif not rules.excluded_folders or rules.excluded_folders.isdisjoint(_iter_identities([entry.path])):
            try:
                entries = _list_folder(entry.path, entry.relative)
            except OSError as error:
                yield _unreadable(entry.path, error)
                continue
            yield from _iter_missing_in_fileset(entries, fileset_paths)
            pending.append(iter(entries))


def _iter_matching(pattern_text: str, rules: _DiscoveryRules) -> Iterator[BatchInput]:
    """Iterate over what matches a pattern, and over folders that match; UnreadableInput if nothing matches."""
    pattern = GlobPattern.parse(pattern_text)
    prefix = rules.layout.folder_prefix(pattern.folder)
    count = 0
    pending = [iter([_FolderEntry(pattern.folder, "", is_folder=True)])]
    in_sets: set[str] = set()
    while pending:
        entry = next(pending[-1], None)
        if entry is None:
            pending.pop()
        elif entry.relative and pattern.regex.fullmatch(entry.relative):
            count += 1
            entry = entry._replace(relative=f"{prefix}{entry.relative}")
            if entry.is_folder:
                yield from _walk_folder(entry.path, entry.relative, entry.path, rules, in_sets)
            else:
                yield from _iter_file(entry, pattern.folder, rules, in_sets)
        elif entry.is_folder and (pattern.depth is None or len(pending) <= pattern.depth):
            try:
                entries = _list_folder(entry.path, entry.relative)
            except OSError as error:
                # without the folder in which the pattern begins, nothing matches
                if entry.relative or not isinstance(error, FileNotFoundError):
                    count += 1
                    yield _unreadable(entry.path, error)
                continue
            matching = (each for each in entries if pattern.regex.fullmatch(each.relative))
            yield from _iter_missing_in_fileset(matching, in_sets)
            pending.append(iter(entries))
    if not count:
        yield UnreadableInput(
            source=pattern_text, error=DatasetError(f"nothing matches {pattern_text}", hint="check the pattern")
        )


def _list_folder(folder: str, relative: str) -> list[_FolderEntry]:
    """List a folder, sorted by name; raises OSError."""
    with os.scandir(folder) as entries:
        names = sorted((entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink()) for entry in entries)
    start = f"{relative}/" if relative else ""
    return [
        _FolderEntry(os.path.join(folder, name), f"{start}{name}", is_folder, is_link)
        for name, is_folder, is_link in names
    ]


def _iter_missing_in_fileset(entries: Iterable[_FolderEntry], fileset_paths: set[str]) -> Iterator[UnreadableInput]:
    """Iterate over the missing files of a DICOMDIR among the entries; add the others to ``fileset_paths``."""
    for entry in entries:
        if not entry.is_folder and os.path.basename(entry.path) == DICOMDIR:
            from dcmseal.batch.inputs.dicomdir import iter_fileset

            for found in iter_fileset(entry.path, ""):
                if isinstance(found, UnreadableInput):
                    yield found
                else:
                    fileset_paths.add(found.source)


def _iter_file(entry: _FolderEntry, root: str, rules: _DiscoveryRules, fileset_paths: set[str]) -> Iterator[BatchInput]:
    """Return the entry, unless it is a DICOMDIR or being written; ``fileset_paths`` are paths that a DICOMDIR lists."""
    name = os.path.basename(entry.path)
    if name == DICOMDIR or is_temporary(name):
        return
    has_to_be = has_dicom_name(name) or entry.path in fileset_paths
    fileset_paths.discard(entry.path)
    try:
        status = os.stat(entry.path)
    except OSError as error:
        # a broken link, or a file that was removed meanwhile
        yield _unreadable(entry.path, error)
        return
    if not stat.S_ISREG(status.st_mode):
        message = _describe_irregular_file(status)
        kind = DatasetError if has_to_be else NotDicom
        yield UnreadableInput(source=entry.path, error=kind(message, hint="DICOM files are regular files"))
        return
    is_met = entry.is_link and is_within(entry.path, root)
    if entry.is_link and not is_met and not rules.follow_links:
        yield UnreadableInput(
            source=entry.path,
            error=DatasetError(
                f"{entry.path} is a link to a file outside of {root}",
                hint="name the file itself, or set follow_links=True",
                code="link-outside-folder",
            ),
        )
    elif not (is_met and rules.skip_duplicate_links):
        yield make_input_file(entry.path, entry.relative, status, must_be_dicom=has_to_be)


def _describe_irregular_file(status: os.stat_result) -> str:
    """Return the message about something that is not a regular file."""
    if stat.S_ISDIR(status.st_mode):
        return "this is a link to a folder, which is not followed"
    return "this is not a regular file"


def is_within(path: str, folder: str) -> bool:
    """Whether a path, with its links followed, is below a folder."""
    root = os.path.realpath(folder)
    return os.path.commonpath([root, os.path.realpath(path)]) == root


def _iter_identities(folders: Iterable[str]) -> Iterator[_FolderIdentity]:
    for folder in folders:
        with suppress(OSError):
            status = os.stat(folder)
            yield status.st_dev, status.st_ino


def _unreadable(path: str, error: OSError) -> UnreadableInput:
    return UnreadableInput(
        source=path,
        error=DatasetError(f"{path} cannot be read: {error.strerror}", hint="check the path and its permissions"),
    )
