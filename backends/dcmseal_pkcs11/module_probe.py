"""Tries modules that the user did not name in a subprocess before it loads them, because they may crash.

A module in the key URI is loaded directly. A search of the machine also finds drivers without a device, broken ones,
and some that print to standard error.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

from dcmseal.errors import ModuleUnusable
from dcmseal.plugins.guard import to_single_line
from dcmseal_pkcs11.loaded_modules import Pkcs11Module, is_loaded, load_module
from dcmseal_pkcs11.module_discovery import ModuleCandidate

_TIMEOUT: Final = 30
_REFUSED: Final = 3
_PROBE_CODE: Final = f"""
import sys, pkcs11
try:
    pkcs11.lib(sys.argv[1]).get_slots()
except pkcs11.PKCS11Error as error:
    print(type(error).__name__, str(error).rpartition(sys.argv[1] + ": ")[2])
    sys.exit({_REFUSED})
"""
_HINT: Final = "if it is the driver of your device, name it to see the error: module-path=PATH; otherwise ignore it"


def load_candidate(found: ModuleCandidate) -> Pkcs11Module:
    """Load a module, after a trial in a subprocess unless the user named it.

    Raises:
        ModuleUnusable: The module cannot be used.
    """
    if found.problem is not None:
        raise found.problem
    if not found.is_named and not is_loaded(found.path):
        reason = _probe_failure(found.path)
        if reason:
            raise ModuleUnusable(f"the module {found.path!r} cannot be used: {reason}", hint=_HINT)
    return load_module(found.path)


def _probe_failure(path: str) -> str:
    """Return why the module cannot be used; empty if it can, or if that is unknown."""
    # If Python is embedded, sys.executable is the embedding program.
    if "python" not in os.path.basename(sys.executable or "").lower() or getattr(sys, "frozen", False):
        return ""
    try:
        process = subprocess.run(  # noqa: S603 - this Python
            [sys.executable, "-c", _PROBE_CODE, path],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return f"it does not respond within {_TIMEOUT} seconds"
    except OSError:
        return ""
    if process.returncode == _REFUSED:
        return to_single_line(process.stdout)
    # On Unix the negative signal number, on Windows the code of the exception.
    return "it crashes when it is loaded" if process.returncode < 0 or process.returncode > 0xC0000000 else ""
