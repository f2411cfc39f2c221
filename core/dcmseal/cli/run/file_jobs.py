"""The files that a command changes, and the outputs of their results."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from dcmseal.cli.file_arguments import STDIO, display_name, remote_url, to_local_path
from dcmseal.errors import OutputError, UsageError

if TYPE_CHECKING:
    from dcmseal.cli.options.destination_options import Destination


class Job(NamedTuple):
    """A file and its output; ``output`` is None in place, or if none is given."""

    source: str
    output: str | None
    in_place: bool = False

    @property
    def target(self) -> str:
        """The path or URL of the result."""
        return self.source if self.in_place or self.output is None else self.output


def parse_jobs(words: Sequence[str], destination: Destination) -> list[Job]:
    """Parse ``IN [OUT]``, ``IN... --in-place`` or ``IN... -o FOLDER``; raises UsageError."""
    if not words:
        raise UsageError("no input file given", hint="use dcmseal sign IN OUT --key KEY")
    if destination.in_place:
        _check_no_output_in_place(words, destination.folder)
        return _check_distinct([Job(word, None, in_place=True) for word in words])
    if destination.folder is not None:
        _check_output_folder(words, destination.folder)
        return _check_distinct([Job(word, target) for word, target in _iter_targets(words, destination.folder)])
    if len(words) > 2:
        raise UsageError(
            "no output given for several files",
            hint="use -o FOLDER, or --in-place to modify the files",
        )
    return [Job(words[0], words[1] if len(words) == 2 else None)]


@contextmanager
def open_result_folder(folder: str | None) -> Generator[None]:
    """Create a folder as a context manager, and remove it again if it stays empty; raises UsageError or OutputError."""
    is_new = False
    if folder is not None and remote_url(folder):
        # there is none until something is in it
        folder = None
    if folder is not None:
        folder = to_local_path(folder)
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise UsageError(
                f"{folder} is not a folder", hint="-o takes a folder; for one file, use dcmseal sign IN OUT"
            )
        try:
            os.mkdir(folder)
            is_new = True
        except FileExistsError:
            pass
        except OSError as error:
            raise OutputError(f"cannot create {folder}: {error.strerror}", hint="check the path") from None
    try:
        yield
    finally:
        if folder is not None and is_new:
            _remove_empty_folders(folder)


def _remove_empty_folders(folder: str) -> None:
    for path, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):
            os.rmdir(path)


def make_target_folder(target: str) -> None:
    """Create the folder for a result; raises OutputError."""
    if remote_url(target):
        return
    folder = os.path.dirname(to_local_path(target))
    try:
        os.makedirs(folder or os.curdir, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot create {folder}: {error.strerror}", hint="check the path") from None


def sync_result_folders(targets: Sequence[str], folder: str | None) -> None:
    """Sync the folders of several results, and the folder that contains them; raises OutputError."""
    from dcmseal.output.folder import sync_folder

    paths = [to_local_path(each) for each in targets if each != STDIO and not remote_url(each)]
    if len(paths) < 2 and folder is None:
        return
    folders = {os.path.dirname(os.path.realpath(each)) for each in paths}
    if folder is not None and not remote_url(folder):
        folders.add(os.path.dirname(os.path.realpath(to_local_path(folder))))
    for each in sorted(folders, reverse=True):
        try:
            with suppress(FileNotFoundError):
                sync_folder(each)
        except OSError as error:
            raise OutputError(
                f"cannot sync {each}: {error.strerror or error}", hint="check the disk; the results may be lost"
            ) from None


def _check_no_output_in_place(words: Sequence[str], folder: str | None) -> None:
    # IN OUT --in-place would sign IN itself, which those who name an OUT do not expect
    if folder is not None or (len(words) == 2 and not _exists(words[1])):
        raise UsageError("--in-place and an output exclude each other", hint="remove one of them")


def _exists(word: str) -> bool:
    if not remote_url(word):
        return os.path.exists(to_local_path(word))
    from dcmseal.cli.url_arguments import object_exists

    return object_exists(word)


def _check_output_folder(words: Sequence[str], folder: str) -> None:
    # sign a.dcm -o b.dcm would make a folder b.dcm, which is hardly intended
    suffix = os.path.splitext(folder)[1].lower()
    if suffix and not os.path.isdir(folder) and any(word.lower().endswith(suffix) for word in words):
        raise UsageError(
            f"{folder} looks like a file name, but -o takes a folder",
            hint="for one file, use dcmseal sign IN OUT",
        )


def _iter_targets(words: Sequence[str], folder: str) -> Iterator[tuple[str, str]]:
    """Iterate over files and their outputs, each at its path below the common root of all inputs."""
    if STDIO in words:
        raise UsageError("standard input has no file name", hint="use dcmseal sign - OUT")
    from dcmseal.batch.inputs.output_layout import OutputLayout
    from dcmseal.sources.remote_objects import join_path

    layout = OutputLayout.from_sources(words)
    for word in words:
        relative = layout.source_prefix(word)
        if remote_url(folder):
            yield word, join_path(folder, relative)
        else:
            yield word, os.path.join(to_local_path(folder), *relative.split("/"))


def _check_distinct(jobs: list[Job]) -> list[Job]:
    """Return the jobs if no two have the same output; raises UsageError."""
    from dcmseal.output.collisions import FileLocation

    seen: dict[object, str] = {}
    for job in jobs:
        place = remote_url(job.target) or FileLocation.from_path(to_local_path(job.target))
        if place in seen:
            raise UsageError(
                f"{display_name(seen[place])} and {display_name(job.source)} have the same output",
                hint="give each file once, and files of the same name in separate runs",
            )
        seen[place] = job.source
    return jobs
