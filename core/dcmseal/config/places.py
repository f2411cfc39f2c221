"""Where the configuration file is: named by the caller, by the environment, or at the place usual on the system."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

CONFIG_VARIABLE: Final = "DCMSEAL_CONFIG"
_RELATIVE_PATH: Final = Path("dcmseal", "config.toml")


def default_path(platform: str = sys.platform) -> Path | None:
    """The file's place if nobody names one; None if the user has no home folder.

    ``$XDG_CONFIG_HOME`` counts everywhere, if it is absolute (XDG Base Directory Specification). Else it is
    ``%APPDATA%`` on Windows, ``~/Library/Application Support`` on macOS, and ``~/.config`` on all others.
    """
    chosen = os.environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(chosen):
        return Path(chosen, _RELATIVE_PATH)
    if platform == "win32":
        roaming = os.environ.get("APPDATA", "")
        return Path(roaming, _RELATIVE_PATH) if roaming else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ("Library/Application Support" if platform == "darwin" else ".config") / _RELATIVE_PATH


def explicit_path(given: str | os.PathLike[str] | None) -> Path | None:
    """The file that the caller or ``$DCMSEAL_CONFIG`` names; None if neither does."""
    name = given if given is not None else os.environ.get(CONFIG_VARIABLE) or None
    return None if name is None else Path(name).expanduser()
