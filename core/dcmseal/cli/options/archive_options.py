"""Options for many files: lists of files, processes, executors and JSON Lines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from dcmseal.cli.file_arguments import remote_url, to_local_path
from dcmseal.cli.options.journal_options import add_journal_options, parse_journal_settings
from dcmseal.cli.options.named_paths import NamedPaths, parse_named_paths
from dcmseal.cli.parser import Parser
from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from dcmseal.batch.journal.journal_settings import JournalSettings

_MAX_NAMED: Final = 100
"""The number of files up to which results are shown in full and reports are built in memory."""
_DICOMDIR: Final = "DICOMDIR"
_WILDCARDS: Final = frozenset("*?[")


class ArchiveInputs(NamedTuple):
    """The files of a run over many files, before they are listed."""

    words: tuple[str, ...] = ()
    """Files, folders, patterns and URLs."""
    files_from: str | None = None
    """A file that lists more of them, ``-`` for standard input."""
    follow_links: bool = False
    """Whether to follow links to files outside of the folders."""
    output_folder: str | None = None
    """The folder for results, in which no inputs are looked for."""
    changes_inputs: bool = False
    """Whether the files themselves are replaced, each of them once."""


class ArchiveOptions(NamedTuple):
    """How a command processes many files."""

    inputs: ArchiveInputs
    paths: NamedPaths
    """The paths that results must not overwrite."""
    jobs: int | None = None
    """The number of processes."""
    executor: str | None = None
    """The executor of a plugin that replaces local processes, as ``NAME:ADDRESS``."""
    journal: JournalSettings | None = None
    shows_progress: bool = True


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


def parse_archive_options(command: str, words: Sequence[str], options: Namespace) -> ArchiveOptions:
    """Return how to process the files of words; raises UsageError if options contradict each other."""
    return ArchiveOptions(
        inputs=ArchiveInputs(
            words=tuple(words),
            files_from=options.files_from,
            follow_links=options.follow_links,
            output_folder=getattr(options, "output_dir", None),
            changes_inputs=getattr(options, "in_place", False),
        ),
        paths=parse_named_paths(command, options),
        jobs=options.jobs,
        executor=options.executor,
        journal=parse_journal_settings(options),
        shows_progress=not options.quiet,
    )


def _names_many_files(word: str) -> bool:
    if remote_url(word):
        return word.endswith("/") or "*" in word
    word = to_local_path(word)
    if os.path.isdir(word) or os.path.basename(word) == _DICOMDIR:
        return True
    return not _WILDCARDS.isdisjoint(word) and not os.path.lexists(word)
