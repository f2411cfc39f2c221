"""Files that take the place of others: the old one or the complete new one, whatever happens in between.

What is written goes to a temporary file in the same folder, is brought to disk, and gets its name last. What has the
name by then has to be what it was before: if another program wrote it meanwhile, nothing is replaced.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from io import BufferedWriter
from types import TracebackType
from typing import Final

from dcmseal.errors import ConcurrentModification, OutputError
from dcmseal.output.file_attributes import AttributeNotKept, FileAttributes
from dcmseal.output.file_locks import lock_file
from dcmseal.output.file_permissions import FilePermissions, read_access_list
from dcmseal.output.folder import UNSUPPORTED, Folder, sync_descriptor
from dcmseal.output.temporary_files import TemporaryFile, make_temporary

_NO_LINKS: Final = UNSUPPORTED | {errno.EPERM, errno.EACCES, errno.EMLINK, errno.EXDEV}


def no_action() -> None:
    """There is nothing to be done before."""


@dataclass(frozen=True, slots=True)
class OutputFile(os.PathLike[str]):
    """A path that is written to, with what is asked besides."""

    path: str
    is_new: bool = False
    """Nothing may be there: it is not replaced, even if it came there after somebody looked."""
    synced: bool = False
    """Its name is on disk when it is written. If not, a power cut may bring back what was there before; whoever writes
    many files can sync the folder (``sync_folder``) once for all of them, which takes less time."""

    def __fspath__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class Original:
    """The file that an output is made from, open, and as it was before anything of it was read."""

    descriptor: int
    status: os.stat_result
    path: str | None = None
    """By what it was opened, if it was by a path."""

    def is_at(self, path: str) -> bool:
        """Whether it was opened by this path."""
        return self.path is not None and (self.path == path or os.path.abspath(self.path) == os.path.abspath(path))


@contextmanager
def replace_file(
    target: OutputFile,
    permissions: FilePermissions | None = None,
    original: Original | None = None,
    before_commit: Callable[[], object] = no_action,
) -> Generator[BufferedWriter]:
    """A stream to what is at a path once the context ends well; else nothing has changed.

    Nobody can read a new file whom ``permissions`` does not let; None is what ``original`` grants, or if there is none,
    what the umask does. If it is ``original`` itself that is replaced, the new one has its owner, group, mode, access
    control list and extended attributes. ``before_commit`` is called when nothing is left but to give the new file its
    name. Raises OutputError, and ChangedMeanwhile if another program has written what is there.
    """
    with _translate_os_errors(target.path), ExitStack() as stack:
        folder_name, name = os.path.split(target.path)
        folder = stack.enter_context(Folder.open(folder_name))
        before = folder.status(name) if name else os.stat(target.path)
        if before is not None and stat.S_ISLNK(before.st_mode):
            folder_name, name = os.path.split(os.path.realpath(target.path))
            folder = stack.enter_context(Folder.open(folder_name))
            before = folder.status(name)
        _check_target(target, before)
        kept = None
        if original is not None and (original.is_at(target.path) or _is_same(original.status, before)):
            # it is edited: whatever else is there by now, it is not that which is replaced
            _reject_changed_target(target.path, original.status, before)
            check_single_link(target.path, original.status)
            kept = FileAttributes.read(original.descriptor)
        with _translate_os_errors(target.path, "a new file, to take its place, cannot be made in its folder: "):
            temporary = _make_temporary_file(folder, name, permissions, original, kept)
        try:
            with os.fdopen(temporary.descriptor, "wb") as output:
                yield output
                output.flush()
                if kept is not None:
                    _apply_attributes(kept, temporary, target.path)
                elif before is not None:
                    _narrow_mode(temporary, before)
                sync_descriptor(temporary.descriptor)
                with nullcontext() if before is None else lock_file(folder, name):
                    _reject_changed_target(target.path, before, folder.status(name))
                    if original is not None:
                        _reject_changed_source(target.path, original)
                    before_commit()
                    _commit(folder, name, temporary.name, target)
        except BaseException:
            folder.remove(temporary.name)
            raise
        if target.synced:
            with _translate_os_errors(target.path, "it is in its place, but its folder cannot be brought to disk: "):
                folder.sync()


@contextmanager
def create_file(path: str) -> Generator[str]:
    """The path of a file for its owner alone, which gets the name ``path`` once the context ends well.

    For what writes files by itself, as databases do. Raises OutputError, and ChangedMeanwhile if there is such a file.
    """
    with _translate_os_errors(path), ExitStack() as stack:
        folder_name, name = os.path.split(path)
        folder = stack.enter_context(Folder.open(folder_name))
        if folder.status(name) is not None:
            raise already_exists_error(path)
        temporary = make_temporary(folder, name, stat.S_IRUSR | stat.S_IWUSR)
        stack.callback(os.close, temporary.descriptor)
        stack.callback(folder.remove, temporary.name)
        yield os.path.join(folder_name, temporary.name)
        sync_descriptor(temporary.descriptor)
        _commit(folder, name, temporary.name, OutputFile(path, is_new=True))
        folder.sync()


def check_single_link(path: str, status: os.stat_result) -> None:
    """Refuse to edit a file that has several names; raises OutputError.

    Written through, the others would change in silence, and not whole or not at all; replaced, they would not.
    """
    if status.st_nlink > 1 and stat.S_ISREG(status.st_mode):
        raise OutputError(
            f"{path} has {status.st_nlink} names (hard links), and only one of them would get the new content",
            hint="name an output; or make it a file of its own first: cp -p FILE COPY && mv COPY FILE",
        )


def _check_target(target: OutputFile, before: os.stat_result | None) -> None:
    if before is None:
        return
    if not stat.S_ISREG(before.st_mode):
        raise OutputError(f"{target.path} is no regular file", hint="it would be replaced: name a file")
    if target.is_new:
        raise already_exists_error(target.path)


def already_exists_error(path: str) -> ConcurrentModification:
    """The error of a new file whose name something else has."""
    return ConcurrentModification(
        f"{path} exists", hint="it came there meanwhile: name another file, or look at that one"
    )


def _make_temporary_file(
    folder: Folder,
    name: str,
    permissions: FilePermissions | None,
    original: Original | None,
    attributes: FileAttributes | None,
) -> TemporaryFile:
    """The temporary file, which belongs to us, or to those who may read what it is made from; raises OSError."""
    if attributes is not None:
        return make_temporary(folder, name, attributes.mode_for_any_group)
    if permissions is None:
        permissions = FilePermissions.everyone() if original is None else FilePermissions.from_file(original.descriptor)
    if permissions.mode == permissions.mode_for_any_group:
        return make_temporary(folder, name, permissions.mode_for_any_group)
    temporary = make_temporary(folder, name, permissions.mode)
    # which group it belongs to, and whether it inherits an access control list, shows when it is there: still empty
    if temporary.status.st_gid == permissions.gid and not read_access_list(temporary.descriptor):
        return temporary
    os.close(temporary.descriptor)
    folder.remove(temporary.name)
    return make_temporary(folder, name, permissions.mode_for_any_group)


def _narrow_mode(temporary: TemporaryFile, before: os.stat_result) -> None:
    """Grant no more than the file that is overwritten did; raises OSError."""
    mode = stat.S_IMODE(temporary.status.st_mode)
    narrower = mode & (before.st_mode | stat.S_IRUSR | stat.S_IWUSR)
    if narrower != mode:
        with suppress(OSError):
            os.fchmod(temporary.descriptor, narrower)


def _is_same(one: os.stat_result, other: os.stat_result | None) -> bool:
    return other is not None and os.path.samestat(one, other)


def _reject_changed_target(path: str, before: os.stat_result | None, now: os.stat_result | None) -> None:
    """Whether a file is what it was; raises ChangedMeanwhile."""
    if _file_state(before) != _file_state(now):
        raise ConcurrentModification(
            f"{path} changed meanwhile: another program wrote it after it was read",
            hint="nothing was written: look at the file, and try again",
        )


def _reject_changed_source(path: str, original: Original) -> None:
    """Whether what was copied is what was read before; raises ChangedMeanwhile."""
    now = os.fstat(original.descriptor)
    if (now.st_size, now.st_mtime_ns) != (original.status.st_size, original.status.st_mtime_ns):
        raise ConcurrentModification(
            f"{path} was not written: the input changed while it was read", hint="wait until it is complete"
        )


def _file_state(status: os.stat_result | None) -> tuple[int, ...]:
    if status is None:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _commit(folder: Folder, name: str, temporary: str, target: OutputFile) -> None:
    """Give a complete file its name; raises OutputError."""
    with _translate_os_errors(target.path, "the new file cannot take its place: "):
        if not target.is_new:
            folder.replace(name, temporary)
            return
        try:
            folder.link(name, temporary)
        except FileExistsError:
            raise already_exists_error(target.path) from None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        else:
            folder.remove(temporary)
            return
        # a file system without links: whoever asks for the lock comes one after the other
        with lock_file(folder, name):
            if folder.status(name) is not None:
                raise already_exists_error(target.path)
            folder.replace(name, temporary)


def _apply_attributes(attributes: FileAttributes, temporary: TemporaryFile, path: str) -> None:
    """Give the new file what the old one has; raises OutputError."""
    try:
        attributes.apply(temporary.descriptor, temporary.status)
    except AttributeNotKept as lost:
        raise OutputError(
            f"{path} cannot be written: the new file cannot have {lost} of the old one: "
            f"{lost.error.strerror or lost.error}",
            hint="the old file is unchanged: let its owner do it, or root; or name an output, which is a new file",
        ) from None


class _translate_os_errors:  # noqa: N801 - used as a statement: with _explained(...)
    """An OSError becomes OutputError, with its cause and what helps against that.

    A class, because several stand around every file that is written: a generator takes three times as long (measured).
    """

    __slots__ = ("_path", "_what")

    def __init__(self, path: str, what: str = "") -> None:
        self._path = path
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if isinstance(error, OSError):
            cause = error.strerror or str(error)
            raise OutputError(f"{self._path} cannot be written: {self._what}{cause}", hint=_error_hint(error)) from None


def _error_hint(error: OSError) -> str:
    unchanged = "the old file, if any, is unchanged"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return f"{unchanged}: make free space there, or name an output elsewhere"
        case errno.ENAMETOOLONG:
            return f"{unchanged}: use a shorter name, or go to a folder near to it and name it from there"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"{unchanged}: check the permissions of the folder, or name an output in another"
        case errno.ENOENT | errno.ENOTDIR:
            return f"{unchanged}: check that the folder is there"
        case _:
            return f"{unchanged}: check path, permissions and free space"
