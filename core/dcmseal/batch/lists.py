r"""Lists of paths, one a line or between NUL characters, as ``find`` and ``find -print0`` write them.

>>> from io import BytesIO
>>> list(listed(BytesIO(b"a.dcm\0b c.dcm\0")))
['a.dcm', 'b c.dcm']
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, Final

from dcmseal.errors import UsageError

_PIECE: Final = 1 << 16
_LONGEST: Final = 1 << 15
"""Bytes of a path."""


def listed(stream: BinaryIO) -> Iterator[str]:
    """The paths in a list, as they come in; if a NUL is in its beginning, they are separated by that.

    Raises UsageError for what can be no path.
    """
    rest = stream.read(_PIECE)
    separator = b"\0" if b"\0" in rest else b"\n"
    more = True
    while more:
        *paths, rest = rest.split(separator)
        yield from filter(None, map(_path, paths))
        piece = stream.read(_PIECE)
        more = bool(piece)
        if len(rest) > _LONGEST:
            raise UsageError("the list of files has a line that is no path", hint="write one path a line")
        rest += piece
    yield from filter(None, [_path(rest)])


def _path(line: bytes) -> str:
    path = line.removesuffix(b"\r")
    if b"\0" in path:
        raise UsageError("the list of files has a NUL in a line", hint="separate all paths by it, or none")
    return os.fsdecode(path)
