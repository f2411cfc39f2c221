"""Options for many files: lists of files, processes, executors and JSON Lines."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BufferedReader
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, cast

from dcmseal.cli.file_arguments import remote_url, to_local_path
from dcmseal.cli.options.journal_options import add_journal_options
from dcmseal.cli.parser import Parser
from dcmseal.errors import DatasetError, UsageError
from dcmseal.input_files import open_input
from dcmseal.text import format_os_error

if TYPE_CHECKING:
    from dcmseal.batch.inputs.input_file import BatchInput
    from dcmseal.batch.inputs.output_layout import OutputLayout
    from dcmseal.batch.pool.executor_factory import ExecutorFactory

_MAX_NAMED: Final = 100
"""The number of files up to which results are shown in full and reports are built in memory."""
_DICOMDIR: Final = "DICOMDIR"
_WILDCARDS: Final = frozenset("*?[")
_STDIO: Final = "-"
_IN_MEMORY: Final = 1 << 20


class _ArgumentContainer(Protocol):
    """A parser or argument group."""

    def add_argument(self, *names: str, **settings: Any) -> Any: ...


def add_archive_options(parser: Parser, output_group: _ArgumentContainer) -> None:
    """Add the options for many files; --json-lines goes to the group of output options that exclude each other."""
    group = parser.add_argument_group(
        "many files (FILE can be a folder, a DICOMDIR, a quoted pattern with *, ? or **, or URL/)"
    )
    group.add_argument("--files-from", metavar="LIST", help="also process the files in this list; - for standard input")
    group.add_argument(
        "--follow-links",
        action="store_true",
        help="follow links to files outside of the given folders; otherwise such a link is a failure",
    )
    group.add_argument("--jobs", metavar="N", type=int, help="number of processes (default: number of processors)")
    group.add_argument(
        "--executor",
        metavar="NAME:ADDRESS",
        help="run on this executor of a plugin, such as dask:tcp://HOST:8786, instead of local processes",
    )
    output_group.add_argument(
        "--json-lines", action="store_true", help="print one line of JSON per file, and a summary"
    )
    add_journal_options(parser)


def is_archive(command: str, words: Sequence[str], options: Namespace) -> bool:
    """Whether words and options require a run over many files; raises UsageError if no file is given."""
    if not words and not options.files_from:
        raise UsageError("no input file given", hint=f"see dcmseal {command} --help")
    asked = (options.files_from, options.jobs, options.executor, options.json_lines, options.journal, options.shard)
    if any(asked) or len(words) > _MAX_NAMED:
        return True
    return any(_names_many_files(word) for word in words)


def reject_single_file_options(options: Namespace, *names: str) -> None:
    """Refuse options for single files; raises UsageError."""
    for name in names:
        if getattr(options, name):
            raise UsageError(
                f"--{name.replace('_', '-')} does not apply to folders and lists of files",
                hint="give files one by one, without options for many files",
            )


def find_inputs(words: Sequence[str], options: Namespace) -> Iterator[BatchInput]:
    """The inputs that the words and the list of files name.

    If results go to a folder, all inputs are checked first, so that no result replaces another.

    Raises:
        UsageError: Two results would have the same path, or the list is invalid.
        DatasetError: The list cannot be read.
    """
    from itertools import chain

    if _STDIO in words:
        raise UsageError("cannot combine standard input with other files", hint="give - alone")
    folder: str | None = getattr(options, "output_dir", None)
    if options.files_from is None:
        if folder is not None and len(words) > 1:
            _check_output_collisions(words, folder)
        return walk_inputs(words, options)
    if folder is None:
        return walk_inputs(chain(words, _load_list(options.files_from)), options)
    from dcmseal.batch.inputs.output_layout import OutputLayout

    copy = _copy_list(options.files_from)
    try:
        layout = OutputLayout.from_sources(chain(words, _parse_list(copy, options.files_from)))
        _check_output_collisions(chain(words, _parse_list(copy, options.files_from)), folder, layout)
    except BaseException:
        copy.close()
        raise
    return walk_inputs(chain(words, _parse_list_and_close(copy, options.files_from)), options, layout)


def walk_inputs(words: Iterable[str], options: Namespace, layout: OutputLayout | None = None) -> Iterator[BatchInput]:
    """The inputs that words name, without outputs and duplicates."""
    from dcmseal.batch.inputs.discovery import iter_inputs

    folder: str | None = getattr(options, "output_dir", None)
    return iter_inputs(
        words,
        exclude=() if folder is None else (folder,),
        follow_links=options.follow_links,
        skip_duplicate_links=getattr(options, "in_place", False),
        layout=layout,
    )


def reject_outputs(inputs: Iterable[BatchInput], options: Namespace) -> Iterator[BatchInput]:
    """The inputs; raises UsageError for one that would be overwritten."""
    from dcmseal.batch.inputs.input_file import InputFile
    from dcmseal.cli.path_checks import iter_output_paths

    outputs: dict[int, tuple[str, os.stat_result]] = {}
    for path in iter_output_paths("", options):
        with suppress(OSError):
            status = os.stat(path)
            outputs[status.st_ino] = path, status
    if not outputs:
        yield from inputs
        return
    for each in inputs:
        if isinstance(each, InputFile) and each.inode in outputs:
            path, status = outputs[each.inode]
            if os.path.samestat(os.stat(each.source), status) and _is_dicom(each.source):
                raise UsageError(f"{path} is an input", hint="choose another output file")
        yield each


def _is_dicom(path: str) -> bool:
    from dcmseal.errors import NotDicom
    from dcmseal.sources.dataset_input import open_header

    try:
        with open_header(path):
            return True
    except NotDicom:
        return False
    except DatasetError:
        return True


def _check_output_collisions(words: Iterable[str], folder: str, layout: OutputLayout | None = None) -> None:
    from dcmseal.batch.tasks.output_collisions import iter_without_collisions

    for _ in iter_without_collisions(words, folder, layout):
        pass


def make_executor_factory(options: Namespace) -> ExecutorFactory | None:
    """The executor of the options; None for local processes. Raises UsageError or PluginError."""
    if options.jobs is not None and options.jobs < 1:
        raise UsageError("--jobs must be at least 1", hint="give the number of processes")
    if options.executor is None:
        return None
    from dcmseal.batch.pool.executor_factory import parse_executor
    from dcmseal.plugins.registry import installed_registry

    return parse_executor(options.executor, options.jobs, installed_registry())


def _names_many_files(word: str) -> bool:
    if remote_url(word):
        return word.endswith("/") or "*" in word
    word = to_local_path(word)
    if os.path.isdir(word) or os.path.basename(word) == _DICOMDIR:
        return True
    return not _WILDCARDS.isdisjoint(word) and not os.path.lexists(word)


def _load_list(name: str) -> Iterator[str]:
    from dcmseal.batch.inputs.path_list import parse_path_list

    if name == _STDIO:
        return parse_path_list(_standard_input())
    with _open_list(name) as stream:
        return parse_path_list(stream, name)


def _copy_list(name: str) -> BinaryIO:
    """A copy of a list that can be read more than once; it is removed when the process ends."""
    import shutil
    import tempfile

    copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - read until the run ends
    if name == _STDIO:
        shutil.copyfileobj(_standard_input(), copy)
    else:
        with _open_list(name) as stream:
            shutil.copyfileobj(stream, copy)
    return cast("BinaryIO", copy)


def _parse_list(copy: BinaryIO, name: str) -> Iterator[str]:
    from dcmseal.batch.inputs.path_list import parse_path_list

    copy.seek(0)
    return parse_path_list(copy, name)


def _parse_list_and_close(copy: BinaryIO, name: str) -> Iterator[str]:
    with copy:
        yield from _parse_list(copy, name)


def _standard_input() -> BinaryIO:
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("standard input is a terminal", hint="pipe the list of files in, or give a file")
    return sys.stdin.buffer


@contextmanager
def _open_list(name: str) -> Generator[BinaryIO]:
    try:
        with BufferedReader(open_input(name)) as stream:
            yield cast("BinaryIO", stream)
    except (OSError, ValueError) as error:
        raise DatasetError(f"cannot read {name}: {format_os_error(error)}", hint="check the path") from None
