"""The installed plugins, together with the site's own profiles from the configuration file."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dcmseal.plugins.registry import Registry


def load_registry(config: str | None) -> Registry:
    """The installed plugins, and the profiles in the folder that the configuration file names.

    Args:
        config: The configuration file; None for the one of the user.

    Raises:
        UsageError: The configuration file is invalid.
        ProfileFileError: The folder cannot be read.
    """
    from dcmseal.config.config_file import load_config
    from dcmseal.plugins.registry import installed_registry

    folder = load_config(config).profiles_folder
    return installed_registry() if folder is None else installed_registry().with_profile_folder(os.fspath(folder))


def complete_profile_names(parsed_args: Namespace, **_: object) -> list[str]:
    """The names of all profiles, for completion."""
    from dcmseal.errors import SealError

    try:
        return [each.name for each in load_registry(getattr(parsed_args, "config", None)).profiles()]
    except SealError:
        return []
