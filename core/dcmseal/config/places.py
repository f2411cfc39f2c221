"""Where the configuration file is: named by the caller, by the environment, or at the place usual on the system."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

VARIABLE: Final = "DCMSEAL_CONFIG"
_NAME: Final = Path("dcmseal", "config.toml")


def usual_place(platform: str = sys.platform) -> Path | None:
    """The file's place if nobody names one; None if the user has no home folder.

    ``$XDG_CONFIG_HOME`` counts everywhere, if it is absolute (XDG Base Directory Specification). Else it is
    ``%APPDATA%`` on Windows, ``~/Library/Application Support`` on macOS, and ``~/.config`` on all others.
    """
    chosen = os.environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(chosen):
        return Path(chosen, _NAME)
    if platform == "win32":
        roaming = os.environ.get("APPDATA", "")
        return Path(roaming, _NAME) if roaming else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ("Library/Application Support" if platform == "darwin" else ".config") / _NAME


def named_place(given: str | os.PathLike[str] | None) -> Path | None:
    """The file that the caller or ``$DCMSEAL_CONFIG`` names; None if neither does."""
    name = given if given is not None else os.environ.get(VARIABLE) or None
    return None if name is None else Path(name).expanduser()
