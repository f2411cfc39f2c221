"""The inputs of a run over many files: words, and lists of files."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from dcmseal.cli.path_checks import iter_option_outputs
from dcmseal.errors import DatasetError, UsageError
from dcmseal.input_files import open_input
from dcmseal.text import format_os_error

if TYPE_CHECKING:
    from dcmseal.batch.inputs.input_file import BatchInput
    from dcmseal.batch.inputs.output_layout import OutputLayout
    from dcmseal.cli.options.archive_options import ArchiveInputs
    from dcmseal.cli.options.named_paths import NamedPaths

_STDIO: Final = "-"
_IN_MEMORY: Final = 1 << 20


def find_inputs(inputs: ArchiveInputs) -> Iterator[BatchInput]:
    """The inputs that the words and the list of files name.

    If results go to a folder, all inputs are checked first, so that no result replaces another.

    Raises:
        UsageError: Two results would have the same path, or the list is invalid.
        DatasetError: The list cannot be read.
    """
    from itertools import chain

    words = inputs.words
    if _STDIO in words:
        raise UsageError("cannot combine standard input with other files", hint="give - alone")
    folder = inputs.output_folder
    if inputs.files_from is None:
        if folder is not None and len(words) > 1:
            _check_output_collisions(words, folder)
        return walk_inputs(words, inputs)
    if folder is None:
        return walk_inputs(chain(words, _load_list(inputs.files_from)), inputs)
    from dcmseal.batch.inputs.output_layout import OutputLayout

    copy = _copy_list(inputs.files_from)
    try:
        layout = OutputLayout.from_sources(chain(words, _parse_list(copy, inputs.files_from)))
        _check_output_collisions(chain(words, _parse_list(copy, inputs.files_from)), folder, layout)
    except BaseException:
        copy.close()
        raise
    return walk_inputs(chain(words, _parse_list_and_close(copy, inputs.files_from)), inputs, layout)


def walk_inputs(
    words: Iterable[str], inputs: ArchiveInputs, layout: OutputLayout | None = None
) -> Iterator[BatchInput]:
    """The inputs that words name, without outputs and duplicates."""
    from dcmseal.batch.inputs.discovery import iter_inputs

    folder = inputs.output_folder
    return iter_inputs(
        words,
        exclude=() if folder is None else (folder,),
        follow_links=inputs.follow_links,
        skip_duplicate_links=inputs.changes_inputs,
        layout=layout,
    )


def reject_outputs(inputs: Iterable[BatchInput], paths: NamedPaths) -> Iterator[BatchInput]:
    """The inputs; raises UsageError for one that would be overwritten."""
    from dcmseal.batch.inputs.input_file import InputFile

    outputs: dict[int, tuple[str, os.stat_result]] = {}
    for path in iter_option_outputs(paths):
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
