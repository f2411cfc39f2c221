"""Compiles the walker where there is a C compiler; without one, the wheel contains only Python and does the same.

DCMSEAL_COMPILED=no in the environment leaves it out; DCMSEAL_COMPILED=must makes the build fail without it.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WalkerBuildHook(BuildHookInterface[Any]):
    """Adds the extension module to the wheel, or compiles it beside its sources for an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the walker before the wheel is written."""
        choice = os.environ.get("DCMSEAL_COMPILED", "")
        if choice not in ("", "no", "must"):
            raise ValueError(f"DCMSEAL_COMPILED is {choice!r}: use no or must, or unset it")
        if self.target_name != "wheel" or choice == "no":
            return
        sys.path.insert(0, str(Path(self.root, "tools")))
        from compile_walker import NAME, SOURCES, CompileError, compile_walker

        is_editable = version == "editable"
        # removed with this object, after the wheel was written
        self._folder = tempfile.TemporaryDirectory()
        output = (SOURCES if is_editable else Path(self._folder.name)) / NAME
        try:
            compile_walker(output)
        except CompileError as error:
            if choice == "must":
                raise
            self.app.display_warning(f"The compiled walker was not built, Python does its work: {error}")
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{platform}"
        if not is_editable:
            build_data["force_include"][str(output)] = f"dcmseal/walker/{NAME}"
