"""Input and output files of the command line: ``-`` is a standard stream, and only --force overwrites a file."""

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
    """Replace ``/dev/stdin``, ``/dev/stdout`` and their other names by ``-``.

    For an option that does not accept ``-``, use the descriptor that results are written to.
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
    """The word; or ``-`` or a descriptor if it names a standard stream."""
    descriptor = find_descriptor(word) if word.startswith("/") or os.path.islink(word) else None
    stream = standard_output()
    if descriptor == 0 and is_dash:
        return STDIO
    if descriptor == 1:
        return STDIO if is_dash or stream is None else f"/dev/fd/{stream.fileno()}"
    return word


def display_name(word: str) -> str:
    """The name of a file in messages."""
    return "standard input" if word == STDIO else word


def remote_url(word: str) -> str | None:
    """The word if it is the URL of an object in a storage; None if it is a path, or a ``file:`` URL."""
    if URL_SEPARATOR not in word:
        return None
    from dcmseal.plugins.storage_urls import is_url
    from dcmseal.sources.remote_objects import resolve_file_url

    return word if is_url(resolve_file_url(word)) else None


def to_local_path(word: str) -> str:
    """The path of a word, which may be a ``file:`` URL."""
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
    """Open a Data Set that can be read more than once; errors about it get the name of the file.

    Raises UsageError if standard input is a terminal.
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
    """The target of a changed Data Set; None to replace an object of a storage.

    Args:
        source: The input, ``-`` for standard input.
        output: The output, ``-`` for standard output.
        in_place: Whether to replace the input.
        force: Whether to overwrite an existing output.
        synced: Whether to sync the folder; otherwise the caller does.

    Raises:
        UsageError: No output is given, or it exists already; raised before anything is computed.
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
    """A stream to a file or standard output; if an error follows, no file is written.

    Args:
        output: The file; None or ``-`` for standard output.
        force: Whether to overwrite an existing file.
        binary: Whether to refuse a terminal.
        made_from: The inputs; only users who can read all of them can read the file.

    Raises:
        UsageError: The file exists already, or standard output is a terminal.
        OutputError: The file cannot be written.
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
    """An output file that is written later.

    Args:
        path: The path.
        force: Whether to replace a file that exists by then.
        synced: Whether to sync the folder; otherwise the caller does.
    """
    from dcmseal.output.output_file import OutputFile

    _remove_leftovers(path)
    return OutputFile(path, is_new=not force, synced=synced)


def read_rights(words: Sequence[str]) -> FilePermissions:
    """The common read permissions of local files; objects in storages have none."""
    from dcmseal.output.file_permissions import FilePermissions

    return FilePermissions.from_files(
        0 if word == STDIO else to_local_path(word) for word in words if not remote_url(word)
    )


def _remove_leftovers(output: str) -> None:
    """Remove temporary files of dead processes from the folder of an output."""
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
