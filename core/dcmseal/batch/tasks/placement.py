"""Where the results of many files go, and what may not be overwritten there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.errors import OutputError, UsageError
from dcmseal.output.collisions import ProtectedPath, check_outputs, check_replaceable
from dcmseal.urls import URL_SEPARATOR

if TYPE_CHECKING:
    from dcmseal.plugins.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where signed files go: to a folder that mirrors the input, or in the place of the input."""

    folder: str | None = None
    """None is in place."""
    overwrite: bool = False
    """Replace files that are in the folder already."""
    protected_files: tuple[ProtectedPath, ...] = ()
    """Files that the run needs: these are never replaced."""

    def target_path(self, item: InputFile) -> str:
        """Where the result of an item goes."""
        if self.folder is None:
            return item.source
        if URL_SEPARATOR in self.folder:
            from dcmseal.sources.remote_objects import join_path

            return join_path(self.folder, item.relative)
        return os.path.join(self.folder, *item.relative.split("/"))

    def is_free(self, target: str, registry: Registry) -> bool:
        """Whether a result may go there; of URLs, raises UsageError, PluginError or StorageUnavailable."""
        if self.folder is None or self.overwrite:
            return True
        if URL_SEPARATOR not in target:
            return not os.path.lexists(target)
        from dcmseal.sources.remote_objects import find_object

        return find_object(target, lambda: registry) is None

    def prepare_target(self, item: InputFile, target: str) -> None:
        """Make the folder of a target; raises OutputError if that cannot be, or something would be lost."""
        if URL_SEPARATOR in target:
            return
        try:
            os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        except OSError as error:
            raise OutputError(f"{target} cannot be written: {error.strerror}", hint="check the path") from None
        if self.overwrite and os.path.lexists(target):
            self._check_replaceable(item, target)

    def _check_replaceable(self, item: InputFile, target: str) -> None:
        """Refuse to replace what the run needs, or what nobody can replace; raises OutputError."""
        try:
            check_outputs((target,), (ProtectedPath(item.source, "the input"), *self.protected_files))
            check_replaceable(target)
        except UsageError as error:
            raise OutputError(str(error), hint="name another folder for the results") from None


def target_exists_error(target: str) -> OutputError:
    """The error of a result that has no place."""
    return OutputError(f"{target} exists", hint="choose another folder, or overwrite=True", code="folder-output-exists")
