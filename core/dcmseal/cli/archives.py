"""Options for many files: where they are listed, where they are worked on, and how results come out."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BufferedReader
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, cast

from dcmseal.cli.files import path_of, remote_url
from dcmseal.cli.journal_options import add_journal_options
from dcmseal.cli.parser import Parser
from dcmseal.errors import DatasetError, UsageError
from dcmseal.input_files import open_input
from dcmseal.text_files import reason_of

if TYPE_CHECKING:
    from dcmseal.batch.items import Found
    from dcmseal.batch.workers import Workers

_MOST_NAMED: Final = 100
"""Files that are told of one by one, in full, if they are named one by one; reports on them are made in memory."""
_DICOMDIR: Final = "DICOMDIR"
_MAGIC: Final = frozenset("*?[")
_STDIO: Final = "-"
_IN_MEMORY: Final = 1 << 20


class _Arguments(Protocol):
    """What options are added to."""

    def add_argument(self, *names: str, **settings: Any) -> Any: ...


def add_archive_options(parser: Parser, output_group: _Arguments) -> None:
    """Add the options that concern many files, and to those that exclude each other a form of results."""
    group = parser.add_argument_group(
        "many files (FILE may be a folder, a DICOMDIR, a quoted pattern with *, ? or **, or URL/)"
    )
    group.add_argument("--files-from", metavar="LIST", help="work on the files in a list, too; - for standard input")
    group.add_argument(
        "--follow-links",
        action="store_true",
        help="in folders, follow links to files outside of them; else such a link is a file that failed",
    )
    group.add_argument("--jobs", metavar="N", type=int, help="processes (default: as many as there are processors)")
    group.add_argument(
        "--executor", metavar="NAME:ADDRESS", help="where to work instead, with a plugin's executor of that name"
    )
    output_group.add_argument(
        "--json-lines", action="store_true", help="write a JSON document for each file, a line each, and a summary"
    )
    add_journal_options(parser)


def is_archive(command: str, words: Sequence[str], options: Namespace) -> bool:
    """Whether words and options ask for more than files that are told of one by one; raises UsageError for nothing."""
    if not words and not options.files_from:
        raise UsageError("no file is named", hint=f"dcmseal {command} --help shows how it is used")
    asked = (options.files_from, options.jobs, options.executor, options.json_lines, options.journal, options.shard)
    if any(asked) or len(words) > _MOST_NAMED:
        return True
    return any(_stands_for_several(word) for word in words)


def refuse_of_one_file(options: Namespace, *names: str) -> None:
    """Refuse options that are about single files; raises UsageError."""
    for name in names:
        if getattr(options, name):
            raise UsageError(
                f"--{name.replace('_', '-')} is not for archives: folders, lists of files, or runs with many processes",
                hint="name the files one by one, without options about many files",
            )


def found_of(words: Sequence[str], options: Namespace) -> Iterator[Found]:
    """What the words and the list of files name; raises UsageError or DatasetError.

    What is to be signed into a folder is looked through before: no result may take the place of another.
    """
    from itertools import chain

    if _STDIO in words:
        raise UsageError("standard input is one file, and has no name among many", hint="give it by itself")
    folder: str | None = getattr(options, "output_dir", None)
    if options.files_from is None:
        if folder is not None and len(words) > 1:
            _refuse_same_places(words, folder)
        return found_in(words, options)
    if folder is None:
        return found_in(chain(words, _listed(options.files_from)), options)
    copy = _copied(options.files_from)
    try:
        _refuse_same_places(chain(words, _listed_in(copy, options.files_from)), folder)
    except BaseException:
        copy.close()
        raise
    return found_in(chain(words, _listed_once_more(copy, options.files_from)), options)


def found_in(words: Iterable[str], options: Namespace) -> Iterator[Found]:
    """What words name, without what is written, or would be met twice."""
    from dcmseal.batch.finding import instances

    folder: str | None = getattr(options, "output_dir", None)
    return instances(
        words,
        exclude=() if folder is None else (folder,),
        follow_links=options.follow_links,
        skip_duplicate_links=getattr(options, "in_place", False),
    )


def without_outputs(inputs: Iterable[Found], options: Namespace) -> Iterator[Found]:
    """What is found, unless that is a file that will be overwritten; raises UsageError then."""
    from dcmseal.batch.items import Item
    from dcmseal.cli.run_paths import outputs_of

    outputs: dict[int, tuple[str, os.stat_result]] = {}
    for path in outputs_of("", options):
        with suppress(OSError):
            status = os.stat(path)
            outputs[status.st_ino] = path, status
    if not outputs:
        yield from inputs
        return
    for each in inputs:
        if isinstance(each, Item) and each.inode in outputs:
            path, status = outputs[each.inode]
            if os.path.samestat(os.stat(each.source), status) and _is_dicom(each.source):
                raise UsageError(f"{path} is an input", hint="name another file for the output")
        yield each


def _is_dicom(path: str) -> bool:
    from dcmseal.engine.opening import head_opened
    from dcmseal.errors import NotDicom

    try:
        with head_opened(path):
            return True
    except NotDicom:
        return False
    except DatasetError:
        return True


def _refuse_same_places(words: Iterable[str], folder: str) -> None:
    from dcmseal.batch.layout import apart

    for _ in apart(words, folder):
        pass


def workers_of(options: Namespace) -> Workers | None:
    """The executor that the options name; None if they name none. Raises UsageError or PluginError."""
    if options.jobs is not None and options.jobs < 1:
        raise UsageError("--jobs is a number of processes", hint="give 1 or more")
    if options.executor is None:
        return None
    from dcmseal.batch.workers import workers_named
    from dcmseal.plugins.registry import installed

    return workers_named(options.executor, options.jobs, installed())


def _stands_for_several(word: str) -> bool:
    if remote_url(word):
        return word.endswith("/") or "*" in word
    word = path_of(word)
    if os.path.isdir(word) or os.path.basename(word) == _DICOMDIR:
        return True
    return not _MAGIC.isdisjoint(word) and not os.path.lexists(word)


def _listed(name: str) -> Iterator[str]:
    from dcmseal.batch.lists import listed

    if name == _STDIO:
        return listed(_standard_input())
    with _list_named(name) as stream:
        return listed(stream, name)


def _copied(name: str) -> BinaryIO:
    """A list that can be read more than once; it goes away with the process."""
    import shutil
    import tempfile

    copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - read until the run ends
    if name == _STDIO:
        shutil.copyfileobj(_standard_input(), copy)
    else:
        with _list_named(name) as stream:
            shutil.copyfileobj(stream, copy)
    return cast("BinaryIO", copy)


def _listed_in(copy: BinaryIO, name: str) -> Iterator[str]:
    from dcmseal.batch.lists import listed

    copy.seek(0)
    return listed(copy, name)


def _listed_once_more(copy: BinaryIO, name: str) -> Iterator[str]:
    with copy:
        yield from _listed_in(copy, name)


def _standard_input() -> BinaryIO:
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("the list of files would come from a terminal", hint="pipe it in, or name a file")
    return sys.stdin.buffer


@contextmanager
def _list_named(name: str) -> Generator[BinaryIO]:
    try:
        with BufferedReader(open_input(name)) as stream:
            yield cast("BinaryIO", stream)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{name} cannot be read: {reason_of(error)}", hint="check the path") from None
