"""Deflating a Data Set as it was deflated before, so that what is signed, and then removed, is the same file again."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from dcmseal.dataset.source import Buffer, Source

_LEVELS: Final = (6, 9, 1, 5, 4, 3, 2, 7, 8)
"""Levels of zlib, those first that software uses; where two make the same of what is looked at, the first counts."""
_PREFIX_SIZE: Final = 1 << 16
_MAX_INFLATED: Final = 8 << 20
"""Bytes of the stream that are looked at, and bytes to which they may come."""


class Deflater(Protocol):
    """A stream in the making."""

    def compress(self, data: Buffer, /) -> bytes: ...
    def flush(self) -> bytes: ...


def build_matching_deflater(source: Source, start: int) -> Deflater:
    """One that makes a raw stream (PS3.5 A.5) as the one that begins at ``start`` was made.

    It is that of zlib at its default level, if none of zlib's levels makes the beginning of the stream.
    """
    level = _find_level(source.read(start, min(source.size, start + _PREFIX_SIZE)))
    return zlib.compressobj(level, wbits=-zlib.MAX_WBITS)


def _find_level(stream: bytes) -> int:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(stream, _MAX_INFLATED)
    except zlib.error:
        return _LEVELS[0]
    for level in _LEVELS:
        deflater = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
        # what is not flushed is the beginning of all that could follow
        made = deflater.compress(plain) + (deflater.flush() if inflater.eof else b"")
        if made and stream.startswith(made):
            return level
    return _LEVELS[0]
