"""Atomic replacement of files: after any interruption, the old file or the complete new one is there.

The new content is written to a temporary file in the same folder and synced to disk. Then it is renamed, unless another
program has changed the old file in the meantime.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedWriter
from types import TracebackType
from typing import Final

from dcmseal.errors import ConcurrentModification, OutputError
from dcmseal.output.file_attributes import AttributeNotKept, FileAttributes
from dcmseal.output.file_locks import lock_file
from dcmseal.output.file_permissions import FilePermissions, read_access_list
from dcmseal.output.folder import UNSUPPORTED, Folder, sync_descriptor
from dcmseal.output.output_file import Original, OutputFile
from dcmseal.output.temporary_files import TemporaryFile, make_temporary

_NO_LINKS: Final = UNSUPPORTED | {errno.EPERM, errno.EACCES, errno.EMLINK, errno.EXDEV}


class StagedFile:
    """A new file under a temporary name, until ``commit`` gives it its name or ``discard`` removes it.

    If ``original`` is replaced, the new file gets its owner, group, mode, access control list and extended attributes.

    Args:
        target: The file to write.
        permissions: Who may read a new file; None for the permissions of ``original``, or those of the umask.
        original: The file from which the output is made, if any.

    Raises:
        OutputError: The file cannot be written.
        ConcurrentModification: Another program has changed the file.
    """

    def __init__(
        self, target: OutputFile, permissions: FilePermissions | None = None, original: Original | None = None
    ) -> None:
        self._target = target
        self._original = original
        self._stack = ExitStack()
        try:
            with _translate_os_errors(target.path):
                self._open(permissions)
        except BaseException:
            self.discard()
            raise

    def _open(self, permissions: FilePermissions | None) -> None:
        target, original = self._target, self._original
        folder_name, name = os.path.split(target.path)
        folder = self._stack.enter_context(Folder.open(folder_name))
        before = folder.status(name) if name else os.stat(target.path)
        if before is not None and stat.S_ISLNK(before.st_mode):
            folder_name, name = os.path.split(os.path.realpath(target.path))
            folder = self._stack.enter_context(Folder.open(folder_name))
            before = folder.status(name)
        _check_target(target, before)
        kept = None
        if original is not None and (original.is_at(target.path) or _is_same(original.status, before)):
            # the file is edited, so the file that is replaced has to be the one that was read
            _reject_changed_target(target.path, original.status, before)
            check_single_link(target.path, original.status)
            kept = FileAttributes.read(original.descriptor)
        with _translate_os_errors(target.path, "a temporary file cannot be created in its folder: "):
            temporary = _make_temporary_file(folder, name, permissions, original, kept)
        self._folder, self._name, self._before, self._kept, self._temporary = folder, name, before, kept, temporary
        self._stack.callback(self._remove_temporary)
        self._is_committed = False
        self._stream = self._stack.enter_context(os.fdopen(temporary.descriptor, "wb"))

    @contextmanager
    def open(self) -> Generator[BufferedWriter]:
        """Write the content as a context manager; the file is complete and on disk when the context ends."""
        with _translate_os_errors(self._target.path):
            yield self._stream
            self._stream.flush()
            if self._kept is not None:
                _apply_attributes(self._kept, self._temporary, self._target.path)
            elif self._before is not None:
                _narrow_mode(self._temporary, self._before)
            sync_descriptor(self._temporary.descriptor)

    def lock(self) -> None:
        """Lock the file that is replaced, and check that neither it nor the original has changed."""
        target = self._target
        with _translate_os_errors(target.path):
            if self._before is not None:
                self._stack.enter_context(lock_file(self._folder, self._name, target.lock_timeout))
            _reject_changed_target(target.path, self._before, self._folder.status(self._name))
            if self._original is not None:
                _reject_changed_source(target.path, self._original)

    def commit(self) -> None:
        """Give the file its name; call ``lock`` before."""
        target = self._target
        _commit(self._folder, self._name, self._temporary.name, target)
        self._is_committed = True
        if target.synced:
            with _translate_os_errors(target.path, "the file was replaced, but its folder cannot be synced: "):
                self._folder.sync()

    def discard(self) -> None:
        """Release the lock, and remove the temporary file if it was not committed."""
        # closing the stream writes what is left, which fails again on a full disk
        with suppress(OSError):
            self._stack.close()

    def _remove_temporary(self) -> None:
        if not self._is_committed:
            self._folder.remove(self._temporary.name)


@contextmanager
def replace_file(
    target: OutputFile, permissions: FilePermissions | None = None, original: Original | None = None
) -> Generator[BufferedWriter]:
    """Write a file as a context manager; the file is replaced when the context ends without an error.

    Args:
        target: The file to write.
        permissions: Who may read a new file, as in StagedFile.
        original: The file from which the output is made, if any.

    Raises:
        OutputError: The file cannot be written.
        ConcurrentModification: Another program has changed the file.
    """
    staged = StagedFile(target, permissions, original)
    try:
        with staged.open() as stream:
            yield stream
        staged.lock()
        staged.commit()
    finally:
        staged.discard()


@contextmanager
def create_file(path: str) -> Generator[str]:
    """Create a file that only its owner can read, for code that writes to a path, such as databases.

    The context manager returns a temporary path. The file gets its name when the context ends without an error.

    Args:
        path: The file to create.

    Raises:
        OutputError: The file cannot be created.
        ConcurrentModification: The file exists.
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
    """Check that a file can be edited; raises OutputError if it has several names.

    If the file is replaced, the other names keep the old content. Writing to it instead would not be atomic.
    """
    if status.st_nlink > 1 and stat.S_ISREG(status.st_mode):
        raise OutputError(
            f"{path} has {status.st_nlink} hard links, and only one of them would get the new content",
            hint="name an output, or replace the link with a copy first: cp -p FILE COPY && mv COPY FILE",
        )


def _check_target(target: OutputFile, before: os.stat_result | None) -> None:
    if before is None:
        return
    if not stat.S_ISREG(before.st_mode):
        raise OutputError(f"{target.path} is not a regular file and would be replaced", hint="name a file")
    if target.is_new:
        raise already_exists_error(target.path)


def already_exists_error(path: str) -> ConcurrentModification:
    """Build the error for a new file that another program has created in the meantime."""
    return ConcurrentModification(
        f"{path} exists", hint="another program has just created it: name another file, or check that one"
    )


def _make_temporary_file(
    folder: Folder,
    name: str,
    permissions: FilePermissions | None,
    original: Original | None,
    attributes: FileAttributes | None,
) -> TemporaryFile:
    """Create the temporary file with permissions that grant no more than the final ones; raises OSError."""
    if attributes is not None:
        return make_temporary(folder, name, attributes.mode_for_any_group)
    if permissions is None:
        permissions = FilePermissions.everyone() if original is None else FilePermissions.from_file(original.descriptor)
    if permissions.mode == permissions.mode_for_any_group:
        return make_temporary(folder, name, permissions.mode_for_any_group)
    temporary = make_temporary(folder, name, permissions.mode)
    # the group of a new file, and whether it inherits an access control list, is known only after it is created
    if temporary.status.st_gid == permissions.gid and not read_access_list(temporary.descriptor):
        return temporary
    os.close(temporary.descriptor)
    folder.remove(temporary.name)
    return make_temporary(folder, name, permissions.mode_for_any_group)


def _narrow_mode(temporary: TemporaryFile, before: os.stat_result) -> None:
    """Reduce the permissions to those of the file that is overwritten."""
    mode = stat.S_IMODE(temporary.status.st_mode)
    narrower = mode & (before.st_mode | stat.S_IRUSR | stat.S_IWUSR)
    if narrower != mode:
        with suppress(OSError):
            os.fchmod(temporary.descriptor, narrower)


def _is_same(one: os.stat_result, other: os.stat_result | None) -> bool:
    return other is not None and os.path.samestat(one, other)


def _reject_changed_target(path: str, before: os.stat_result | None, now: os.stat_result | None) -> None:
    """Raise ConcurrentModification if a file has changed."""
    if _file_state(before) != _file_state(now):
        raise ConcurrentModification(
            f"{path} changed in the meantime: another program wrote it after it was read",
            hint="nothing was written: check the file and try again",
        )


def _reject_changed_source(path: str, original: Original) -> None:
    """Raise ConcurrentModification if the input has changed since it was opened."""
    now = os.fstat(original.descriptor)
    if (now.st_size, now.st_mtime_ns) != (original.status.st_size, original.status.st_mtime_ns):
        raise ConcurrentModification(
            f"{path} was not written: the input changed while it was read", hint="wait until the input is complete"
        )


def _file_state(status: os.stat_result | None) -> tuple[int, ...]:
    if status is None:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _commit(folder: Folder, name: str, temporary: str, target: OutputFile) -> None:
    """Rename the complete file; raises OutputError."""
    with _translate_os_errors(target.path, "the temporary file cannot be renamed: "):
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
        # without hard links, a lock keeps other instances of this program away
        with lock_file(folder, name, target.lock_timeout):
            if folder.status(name) is not None:
                raise already_exists_error(target.path)
            folder.replace(name, temporary)


def _apply_attributes(attributes: FileAttributes, temporary: TemporaryFile, path: str) -> None:
    """Apply the attributes of the old file to the new one; raises OutputError."""
    try:
        attributes.apply(temporary.descriptor, temporary.status)
    except AttributeNotKept as lost:
        raise OutputError(
            f"{path} cannot be written: {lost} of the old file cannot be preserved: "
            f"{lost.error.strerror or lost.error}",
            hint="the old file is unchanged: run this as its owner or root, or name an output, which is a new file",
        ) from None


class _translate_os_errors:  # noqa: N801 - used as a function
    """A context manager that raises OutputError for an OSError, with its cause and a hint.

    It is a class, because each file needs several, and a generator takes three times as long (measured).
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
    unchanged = "an existing file is unchanged"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return f"free some space, or name an output on another disk; {unchanged}"
        case errno.ENAMETOOLONG:
            return f"use a shorter name, or a path relative to a folder near it; {unchanged}"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"check the permissions of the folder, or name an output in another one; {unchanged}"
        case errno.ENOENT | errno.ENOTDIR:
            return f"check that the folder exists; {unchanged}"
        case _:
            return f"check the path, permissions and free space; {unchanged}"
