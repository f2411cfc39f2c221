"""Finding instances: files, folders and what is below them, file-sets, patterns, objects, whatever their number.

>>> [found.source for found in instances(["/no/such/file"])]
['/no/such/file']
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, TypeAlias

from dcmseal.batch.claims import claims_dicom
from dcmseal.batch.items import Found, Item, Unfound
from dcmseal.batch.patterns import Pattern, is_pattern
from dcmseal.engine.files.temporary import is_temporary
from dcmseal.errors import DatasetError, NotDicom, UsageError
from dcmseal.url_mark import URL_MARK

DICOMDIR: Final = "DICOMDIR"
"""File ID of the directory of a file-set (PS3.10 8.6)."""

_Identity: TypeAlias = tuple[int, int]


class _Entry(NamedTuple):
    path: str
    relative: str
    is_folder: bool
    is_link: bool = False


class _Rules(NamedTuple):
    """What is not looked at, or not followed."""

    closed: frozenset[_Identity]
    apart: tuple[str, ...]
    several: bool
    follow_links: bool
    once: bool


def instances(
    words: Iterable[str], *, without: Iterable[str] = (), follow_links: bool = False, once: bool = False
) -> Iterator[Found]:
    """What words name: files, folders with all that is below them, DICOMDIR file-sets, patterns, and URLs of all these.

    The order is that of the words, and within a folder that of the names. Each file is an Item; whether it is DICOM
    shows when it is opened; whether it has to be is known before. Nothing is left out in silence: what is not there, or
    cannot be read, is Unfound, and so is what is no file, with the error NotDicom unless it claims to be DICOM. So are
    links in a folder that lead to files outside of it, unless they are to be followed (``follow_links``); links to
    folders never are. With ``once``, links to files that are met anyway are passed over. Folders ``without`` are not
    entered. In patterns, ``**`` stands for any number of folders. No more than the names in the folders that lead to a
    file is held in memory, and of a folder with a DICOMDIR the files that this names.

    If several words are named, or words that come one by one, paths for output begin with the name of the folder.
    """
    without = tuple(without)
    rules = _Rules(
        closed=frozenset(_identities(without)),
        apart=tuple(f"{folder.rstrip('/')}/" for folder in without if URL_MARK in folder),
        several=is_several(words),
        follow_links=follow_links,
        once=once,
    )
    for word in words:
        yield from _named(word, rules)


def is_several(words: Iterable[str]) -> bool:
    """Whether paths for output begin with the names of folders."""
    return not isinstance(words, Sequence) or len(words) > 1


def root_of(word: str) -> str:
    """How the paths for output begin of what a word names, one of several: no two words may have the same."""
    if URL_MARK in word:
        from dcmseal.batch.objects import path_meant, url_root

        path = path_meant(word)
        if path is None:
            return url_root(word)
        word = path
    if os.path.isdir(word):
        return _prefix(word)
    if os.path.basename(word) == DICOMDIR:
        return _prefix(os.path.dirname(word))
    if is_pattern(word) and not os.path.exists(word):
        return _prefix(Pattern.parse(word).folder)
    return os.path.basename(word)


def _named(word: str, rules: _Rules) -> Iterator[Found]:
    if URL_MARK in word:
        from dcmseal.batch.objects import objects, path_meant
        from dcmseal.plugins.urls import masked

        try:
            path = path_meant(word)
        except UsageError as error:
            yield Unfound(source=masked(word), error=error)
            return
        if path is None:
            yield from objects(word, several=rules.several, without=rules.apart)
            return
        word = path
    try:
        status = os.stat(word)
    except OSError as error:
        yield from _matching(word, rules) if is_pattern(word) else (_unfound(word, error),)
        return
    if stat.S_ISDIR(status.st_mode):
        yield from _below(word, _prefix(word) if rules.several else "", word, rules, set())
    elif os.path.basename(word) == DICOMDIR:
        from dcmseal.batch.filesets import instances_of_fileset

        yield from instances_of_fileset(word, _prefix(os.path.dirname(word)) if rules.several else "")
    else:
        yield item_of(word, os.path.basename(word), status, is_named=True)


def _below(folder: str, relative: str, root: str, rules: _Rules, in_sets: set[str]) -> Iterator[Found]:
    """The files in a folder and below it, and what a DICOMDIR there names and is not there.

    ``root`` is the folder that was named. ``in_sets`` are paths that a DICOMDIR names; more are put in as they are come
    across.
    """
    pending = [iter([_Entry(folder, relative.removesuffix("/"), is_folder=True)])]
    while pending:
        entry = next(pending[-1], None)
        if entry is None:
            pending.pop()
        elif not entry.is_folder:
            yield from _file(entry, root, rules, in_sets)
        elif not rules.closed or rules.closed.isdisjoint(_identities([entry.path])):
            try:
                entries = _entries(entry.path, entry.relative)
            except OSError as error:
                yield _unfound(entry.path, error)
                continue
            yield from _missing_in_set(entries, in_sets)
            pending.append(iter(entries))


def _matching(word: str, rules: _Rules) -> Iterator[Found]:
    """What matches a pattern; of folders that match, all that is below them. Unfound, if nothing does."""
    pattern = Pattern.parse(word)
    prefix = _prefix(pattern.folder) if rules.several else ""
    count = 0
    pending = [iter([_Entry(pattern.folder, "", is_folder=True)])]
    in_sets: set[str] = set()
    while pending:
        entry = next(pending[-1], None)
        if entry is None:
            pending.pop()
        elif entry.relative and pattern.matches.fullmatch(entry.relative):
            count += 1
            entry = entry._replace(relative=f"{prefix}{entry.relative}")
            if entry.is_folder:
                yield from _below(entry.path, entry.relative, entry.path, rules, in_sets)
            else:
                yield from _file(entry, pattern.folder, rules, in_sets)
        elif entry.is_folder and (pattern.depth is None or len(pending) <= pattern.depth):
            try:
                entries = _entries(entry.path, entry.relative)
            except OSError as error:
                # without the folder in which the pattern begins, nothing matches
                if entry.relative or not isinstance(error, FileNotFoundError):
                    count += 1
                    yield _unfound(entry.path, error)
                continue
            matching = (each for each in entries if pattern.matches.fullmatch(each.relative))
            yield from _missing_in_set(matching, in_sets)
            pending.append(iter(entries))
    if not count:
        yield Unfound(source=word, error=DatasetError(f"nothing matches {word}", hint="check the pattern"))


def _entries(folder: str, relative: str) -> list[_Entry]:
    """What is in a folder, sorted by name; raises OSError."""
    with os.scandir(folder) as entries:
        names = sorted((entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink()) for entry in entries)
    start = f"{relative}/" if relative else ""
    return [
        _Entry(os.path.join(folder, name), f"{start}{name}", is_folder, is_link) for name, is_folder, is_link in names
    ]


def _missing_in_set(entries: Iterable[_Entry], in_sets: set[str]) -> Iterator[Unfound]:
    """What a DICOMDIR among the entries names and is not there; what is there is put into ``in_sets``."""
    for entry in entries:
        if not entry.is_folder and os.path.basename(entry.path) == DICOMDIR:
            from dcmseal.batch.filesets import instances_of_fileset

            for found in instances_of_fileset(entry.path, ""):
                if isinstance(found, Unfound):
                    yield found
                else:
                    in_sets.add(found.source)


def _file(entry: _Entry, root: str, rules: _Rules, in_sets: set[str]) -> Iterator[Found]:
    """The entry, unless it is a DICOMDIR, or is being written; ``in_sets`` has paths that a DICOMDIR names."""
    name = os.path.basename(entry.path)
    if name == DICOMDIR or is_temporary(name):
        return
    has_to_be = claims_dicom(name) or entry.path in in_sets
    in_sets.discard(entry.path)
    try:
        status = os.stat(entry.path)
    except OSError as error:
        # a link to what is not there, or gone by now: nobody can tell what it was
        yield _unfound(entry.path, error)
        return
    if not stat.S_ISREG(status.st_mode):
        message = _other(status)
        kind = DatasetError if has_to_be else NotDicom
        yield Unfound(source=entry.path, error=kind(message, hint="DICOM files are regular files"))
        return
    is_met = entry.is_link and is_within(entry.path, root)
    if entry.is_link and not is_met and not rules.follow_links:
        yield Unfound(
            source=entry.path,
            error=DatasetError(
                f"{entry.path} is a link to a file outside of {root}",
                hint="name that file itself, or follow such links: --follow-links",
            ),
        )
    elif not (is_met and rules.once):
        yield item_of(entry.path, entry.relative, status, is_named=has_to_be)


def _other(status: os.stat_result) -> str:
    """What is said of something that is no regular file."""
    if stat.S_ISDIR(status.st_mode):
        return "this is a link to a folder, which is not followed"
    return "this is no regular file"


def is_within(path: str, folder: str) -> bool:
    """Whether a path, its links followed, leads to something below a folder."""
    root = os.path.realpath(folder)
    return os.path.commonpath([root, os.path.realpath(path)]) == root


def item_of(path: str, relative: str, status: os.stat_result, *, is_named: bool) -> Item:
    """A file as it is now."""
    return Item(
        source=path,
        relative=relative,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        inode=status.st_ino,
        is_named=is_named,
    )


def _prefix(folder: str) -> str:
    """What stands before the paths of a folder's files, if it is one of several."""
    name = os.path.basename(os.path.abspath(folder))
    return f"{name}/" if name else ""


def _identities(folders: Iterable[str]) -> Iterator[_Identity]:
    for folder in folders:
        with suppress(OSError):
            status = os.stat(folder)
            yield status.st_dev, status.st_ino


def _unfound(path: str, error: OSError) -> Unfound:
    return Unfound(
        source=path,
        error=DatasetError(f"{path} cannot be read: {error.strerror}", hint="check the path and its permissions"),
    )
