"""Outputs of one call, such as a signed file and its manifest: written first, and committed together.

Files are complete under temporary names, and objects in storages uploaded, before the first of them gets its name.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from io import BufferedWriter
from typing import Protocol

from dcmseal.errors import SealError
from dcmseal.output.atomic_file import StagedFile
from dcmseal.output.file_permissions import FilePermissions
from dcmseal.output.output_file import Original, OutputFile
from dcmseal.plugins.storage import Write


class _Output(Protocol):
    def lock(self) -> None: ...
    def commit(self) -> None: ...
    def discard(self) -> None: ...


class StagedOutputs:
    """Outputs that ``commit`` puts in place, in the order in which they were added.

    Before the first output is put in place, the files that are replaced are locked, and checked for changes by other
    programs. If an output then fails, those before it stay, and those after it are discarded. So add an output after
    those that it must not exist without.
    """

    def __init__(self) -> None:
        self._outputs: list[_Output] = []

    @contextmanager
    def open_file(
        self, target: OutputFile, permissions: FilePermissions | None = None, original: Original | None = None
    ) -> Generator[BufferedWriter]:
        """Add a file, and write it as a context manager; see StagedFile for the arguments.

        Raises:
            OutputError: The file cannot be written.
            ConcurrentModification: Another program has changed the file.
        """
        staged = StagedFile(target, permissions, original)
        self._outputs.append(staged)
        with staged.open() as stream:
            yield stream

    def add_upload(self, upload: AbstractContextManager[Write]) -> Write:
        """Add an object in a storage.

        Args:
            upload: The context of a storage, which makes the object visible when it ends without an error.

        Returns:
            A function that writes bytes to the object.
        """
        staged = _StagedUpload(upload)
        self._outputs.append(staged)
        return staged.write

    def add_action(self, action: Callable[[], object]) -> None:
        """Add an output that cannot be staged, such as a stream; ``commit`` calls the action to write it."""
        self._outputs.append(_Action(action))

    def commit(self) -> None:
        """Put all outputs in place.

        Raises:
            OutputError: An output cannot be written.
            ConcurrentModification: Another program has changed a file.
            StorageUnavailable: A storage cannot be reached.
        """
        for output in self._outputs:
            output.lock()
        for output in self._outputs:
            output.commit()

    def discard(self) -> None:
        """Release all locks, and remove what was not committed."""
        for output in self._outputs:
            output.discard()


@contextmanager
def stage_outputs() -> Generator[StagedOutputs]:
    """Stage outputs as a context manager, which removes those that were not committed."""
    outputs = StagedOutputs()
    try:
        yield outputs
    finally:
        outputs.discard()


class _NotCommittedError(Exception):
    """Ends an upload that was not committed: only an error makes a storage discard an object."""


class _StagedUpload:
    def __init__(self, upload: AbstractContextManager[Write]) -> None:
        self._stack = ExitStack()
        self.write = self._stack.enter_context(upload)

    def lock(self) -> None:
        """The storage itself compares versions when the upload ends."""

    def commit(self) -> None:
        self._stack.close()

    def discard(self) -> None:
        with suppress(_NotCommittedError, SealError), self._stack.pop_all():
            raise _NotCommittedError


class _Action:
    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action

    def lock(self) -> None:
        """Streams have no lock."""

    def commit(self) -> None:
        self._action()

    def discard(self) -> None:
        """Nothing was written before the commit."""
