"""Where the results of many files go, and what they may not replace."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.errors import OutputError, UsageError
from dcmseal.output.collisions import ProtectedPath, check_outputs, check_replaceable
from dcmseal.urls import URL_SEPARATOR

if TYPE_CHECKING:
    from dcmseal.plugins.registry import Registry


class Placement(Struct, frozen=True, kw_only=True):
    """The output of signed files: a folder that mirrors the inputs, or the place of the inputs."""

    folder: str | None = None
    """None to replace the inputs."""
    overwrite: bool = False
    """Replace files that exist in the folder."""
    protected_files: tuple[ProtectedPath, ...] = ()
    """Files that the run needs, which are never replaced."""

    def target_path(self, item: InputFile) -> str:
        """Return the path or URL for the result of an item."""
        if self.folder is None:
            return item.source
        if URL_SEPARATOR in self.folder:
            from dcmseal.sources.remote_objects import join_path

            return join_path(self.folder, item.relative)
        return os.path.join(self.folder, *item.relative.split("/"))

    def is_free(self, target: str, registry: Registry) -> bool:
        """Whether a result may be written there; for URLs, raises UsageError, PluginError or StorageUnavailable."""
        if self.folder is None or self.overwrite:
            return True
        if URL_SEPARATOR not in target:
            return not os.path.lexists(target)
        from dcmseal.sources.remote_objects import find_object

        return find_object(target, lambda: registry) is None

    def prepare_target(self, item: InputFile, target: str) -> None:
        """Create the folder of a target; raises OutputError if that fails, or a needed file would be replaced."""
        if URL_SEPARATOR in target:
            return
        try:
            os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        except OSError as error:
            raise OutputError(f"{target} cannot be written: {error.strerror}", hint="check the path") from None
        if self.overwrite and os.path.lexists(target):
            self._check_replaceable(item, target)

    def _check_replaceable(self, item: InputFile, target: str) -> None:
        """Refuse to replace what the run needs, or what cannot be replaced; raises OutputError."""
        try:
            check_outputs((target,), (ProtectedPath(item.source, "the input"), *self.protected_files))
            check_replaceable(target)
        except UsageError as error:
            raise OutputError(str(error), hint="name another folder for the results") from None


def target_exists_error(target: str) -> OutputError:
    """Build the error for a target that exists."""
    return OutputError(f"{target} exists", hint="choose another folder, or overwrite=True", code="folder-output-exists")
