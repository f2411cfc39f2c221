"""Paths that stand for open file descriptors of this process, such as ``/dev/stdout`` and ``/proc/self/fd/3``.

>>> find_descriptor("/dev/fd/7"), find_descriptor("image.dcm")
(7, None)
"""

from __future__ import annotations

import os
import re
from typing import Final

_DESCRIPTOR_FOLDER: Final = re.compile(r"/dev/fd|/proc/([0-9]+)(?:/task/[0-9]+)?/fd", re.ASCII)
_MAX_LINKS: Final = 40


def find_descriptor(path: str | os.PathLike[str]) -> int | None:
    """Find the file descriptor that a path stands for, directly or by links; None if it is an ordinary path.

    Such a file can be written to, but not replaced: other holders of the descriptor would not see the new file.
    """
    place = os.fspath(path)
    for _ in range(_MAX_LINKS):
        folder, name = os.path.split(place)
        if name.isdecimal():
            match = _DESCRIPTOR_FOLDER.fullmatch(os.path.realpath(folder))
            if match:
                return int(name) if match[1] in (None, str(os.getpid())) else None
        if not os.path.islink(place):
            return None
        place = os.path.join(folder, os.readlink(place))
    return None
