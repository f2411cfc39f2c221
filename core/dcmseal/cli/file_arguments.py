"""Input and output files of the command line: ``-`` is a standard stream; nothing is overwritten without --force."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO, cast

from dcmseal.cli.render.screens import binary_standard_output
from dcmseal.cli.standard_streams import standard_output
from dcmseal.errors import DatasetError, OutputError, ProfileError, UsageError
from dcmseal.output.file_descriptors import find_descriptor
from dcmseal.urls import URL_SEPARATOR

if TYPE_CHECKING:
    from dcmseal.output.destination import OutputTarget
    from dcmseal.output.file_permissions import FilePermissions
    from dcmseal.output.output_file import OutputFile
    from dcmseal.sources.dataset_input import DatasetInput

STDIO: Final = "-"
_MAX_MEMORY_BYTES: Final = 8 << 20


def normalize_standard_streams(options: Namespace) -> None:
    """Write ``-`` for files that are named as ``/dev/stdin`` and ``/dev/stdout``, or otherwise so.

    Where an option takes no ``-``, standard output is named by the descriptor that results go to.
    """
    for name, value in vars(options).items():
        if isinstance(value, str):
            setattr(options, name, _normalize_stream_name(value, is_dash=name == "output"))
        elif isinstance(value, list) and name in ("files", "words"):
            setattr(options, name, [_normalize_stream_name(each, is_dash=True) for each in cast("list[str]", value)])
        elif isinstance(value, list) and name == "report":
            parts = (each.partition(":") for each in cast("list[str]", value))
            setattr(options, name, [f"{form}{colon}{_normalize_stream_name(word)}" for form, colon, word in parts])


def _normalize_stream_name(word: str, *, is_dash: bool = False) -> str:
    """The word, or another name for the standard stream that it stands for."""
    descriptor = find_descriptor(word) if word.startswith("/") or os.path.islink(word) else None
    stream = standard_output()
    if descriptor == 0 and is_dash:
        return STDIO
    if descriptor == 1:
        return STDIO if is_dash or stream is None else f"/dev/fd/{stream.fileno()}"
    return word


def display_name(word: str) -> str:
    """How a file is called in texts."""
    return "standard input" if word == STDIO else word


def remote_url(word: str) -> str | None:
    """The word if it is the URL of an object in a storage; None if it is a path, or a ``file:`` URL."""
    if URL_SEPARATOR not in word:
        return None
    from dcmseal.plugins.storage_urls import is_url
    from dcmseal.sources.remote_objects import resolve_file_url

    return word if is_url(resolve_file_url(word)) else None


def to_local_path(word: str) -> str:
    """The path that a word means, which may be a ``file:`` URL."""
    if URL_SEPARATOR not in word:
        return word
    from dcmseal.sources.remote_objects import resolve_file_url

    return resolve_file_url(word)


def check_json_destination(options: Namespace, output: str | None, *, what: str = "the file") -> None:
    """Refuse ``--json`` if standard output receives something else.

    Args:
        options: The parsed command line.
        output: Where the command writes something else.
        what: What that is.

    Raises:
        UsageError: Both go to standard output.
    """
    if options.json and output == STDIO:
        hint = "give an output file" if what == "the file" else "specify -o FILE"
        raise UsageError(f"cannot write both {what} and JSON to standard output", hint=hint)


@contextmanager
def open_input_file(word: str) -> Generator[DatasetInput]:
    """A Data Set to be read, more than once if need be; errors about it get its name.

    Raises UsageError if it would come from a terminal.
    """
    with _name_file(word), _open_input(word) as source:
        yield source


@contextmanager
def _name_file(word: str) -> Generator[None]:
    try:
        yield
    except (DatasetError, ProfileError) as error:
        error.file = error.file or display_name(word)
        raise


@contextmanager
def _open_input(word: str) -> Generator[DatasetInput]:
    if word != STDIO:
        yield word
        return
    # sys.stdin is None if the descriptor was closed before Python started
    stdin: TextIO | None = sys.stdin
    if stdin is None:
        raise DatasetError("standard input is closed", hint="give a file")
    if stdin.isatty():
        raise UsageError("standard input is a terminal", hint="give a file, or pipe one in")
    if stdin.buffer.seekable():
        yield stdin.buffer
        return
    import shutil
    import tempfile

    with tempfile.SpooledTemporaryFile(max_size=_MAX_MEMORY_BYTES) as copy:
        shutil.copyfileobj(stdin.buffer, copy)
        yield cast("BinaryIO", copy)


@contextmanager
def open_result_file(
    source: str, output: str | None, *, in_place: bool, force: bool, synced: bool = True
) -> Generator[OutputTarget | None]:
    """Where a changed Data Set goes; None for an object in place. If not ``synced``, the caller syncs its folder.

    Raises UsageError, before anything is computed, if that is not said, or a file would be overwritten without leave.
    """
    if in_place:
        if output is not None:
            raise UsageError("--in-place and an output exclude each other", hint="remove one of them")
        if source == STDIO:
            raise UsageError(
                "cannot change standard input in place", hint="give an output file, or - for standard output"
            )
        yield None if remote_url(source) else make_output_file(to_local_path(source), force=True, synced=synced)
    elif output is None:
        raise UsageError(
            "no output given",
            hint="give an output file, - for standard output, or --in-place to modify the input",
        )
    elif output == STDIO:
        yield binary_standard_output()
    elif find_descriptor(output) is not None:
        yield output
    elif remote_url(output):
        from dcmseal.cli.url_arguments import open_upload

        if source == output:
            raise UsageError(f"{output} is the input", hint="use --in-place to modify the object")
        with open_upload(output, force=force) as stream:
            yield stream
    else:
        source, output = to_local_path(source), to_local_path(output)
        if _is_same(source, output):
            raise UsageError(f"{output} is the input", hint="use --in-place to modify the file")
        _check_free(output, force=force)
        if os.path.exists(output) and not os.path.isfile(output):
            # a pipe or device is written to, not replaced
            with _open_for_writing(output, "wb", output) as stream:
                yield stream
        else:
            yield make_output_file(output, force=force, synced=synced)


@contextmanager
def open_new_file(
    output: str | None, *, force: bool, binary: bool = True, made_from: Sequence[str] = ()
) -> Generator[BinaryIO]:
    """A file for something taken out of a Data Set, or standard output; if the rest fails, nothing was written.

    Bytes that are not ``binary`` may go to a terminal. Nobody can read the file who cannot read what it is
    ``made_from``. Raises UsageError or OutputError.
    """
    if output in (None, STDIO):
        if binary:
            yield binary_standard_output()
        else:
            results = standard_output()
            if results is None:
                raise OutputError("standard output is closed", hint="give an output file")
            results.flush()
            yield results.buffer
            results.buffer.flush()
        return
    assert output is not None
    if remote_url(output):
        from dcmseal.cli.url_arguments import open_upload

        with open_upload(output, force=force) as stream:
            yield stream
        return
    output = to_local_path(output)
    descriptor = find_descriptor(output)
    if descriptor is not None:
        with _open_for_writing(os.dup(descriptor), "wb", output) as stream:
            yield stream
        return
    _check_free(output, force=force)
    if os.path.exists(output) and not os.path.isfile(output):
        with _open_for_writing(output, "wb", output) as stream:
            yield stream
        return
    from dcmseal.output.atomic_file import replace_file

    with replace_file(make_output_file(output, force=force), read_rights(made_from)) as stream:
        yield stream


def make_output_file(path: str, *, force: bool, synced: bool = True) -> OutputFile:
    """A path for something that is written later: with ``force``, whatever is there by then is replaced.

    If not ``synced``, the caller syncs its folder.
    """
    from dcmseal.output.output_file import OutputFile

    _remove_leftovers(path)
    return OutputFile(path, is_new=not force, synced=synced)


def read_rights(words: Sequence[str]) -> FilePermissions:
    """Who may read all of what words name; objects in storages say nothing about that."""
    from dcmseal.output.file_permissions import FilePermissions

    return FilePermissions.from_files(
        0 if word == STDIO else to_local_path(word) for word in words if not remote_url(word)
    )


def _remove_leftovers(output: str) -> None:
    """Remove what processes that died left in the folder of an output."""
    from dcmseal.output.temporary_files import remove_leftovers

    remove_leftovers(os.path.dirname(output))


def _check_free(output: str, *, force: bool) -> None:
    if os.path.isdir(output):
        raise UsageError(f"{output} is a folder", hint="give a file name in it")
    if os.path.exists(output) and os.path.isfile(output) and not force:
        raise UsageError(f"{output} already exists", hint="choose another name, or use --force to overwrite it")


def _is_same(source: str, output: str) -> bool:
    with suppress(OSError):
        return os.path.samefile(source, output)
    return False


@contextmanager
def _open_for_writing(file: str | int, mode: str, name: str) -> Generator[BinaryIO]:
    try:
        with open(file, mode) as stream:
            yield cast("BinaryIO", stream)
    except OSError as error:
        raise OutputError(
            f"cannot write {name}: {error.strerror or error}", hint="check the path, its permissions and the free space"
        ) from None
