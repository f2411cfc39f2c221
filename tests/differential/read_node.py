"""The views of dicomParser and dcmjs, through node."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from dcmseal import tags
from tests.differential.reader_views import View
from tests.support import tags as t

_HERE: Final = Path(__file__).parent
SEQUENCES: Final = (t.REFERENCED_IMAGE_SEQUENCE, t.REQUEST_ATTRIBUTES_SEQUENCE, 0x00400008, tags.ICON_IMAGE_SEQUENCE)
"""What dicomParser is told to be sequences in implicit VR, for it has no dictionary."""


def views(script: str) -> Callable[[Sequence[Path]], list[View | None]]:
    """What a script of this folder shows of each file; None where it refuses."""

    def reader(files: Sequence[Path]) -> list[View | None]:
        done = subprocess.run(
            ["node", str(_HERE / script)],
            input="\n".join(map(str, files)).encode(),
            env={**os.environ, "SEQUENCES": ",".join(f"{tag:08X}" for tag in SEQUENCES)},
            capture_output=True,
            check=True,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    return reader


def missing(module: str) -> str:
    """Why a module of node cannot be used; empty if it can."""
    try:
        done = subprocess.run(["node", "-e", f"require('{module}')"], capture_output=True, check=False)
    except FileNotFoundError:
        return "there is no node"
    return "" if not done.returncode else f"node has no {module}: npm install {module}, and NODE_PATH names its folder"
