"""Whether a library in the format of Unix (ELF) is complete.

The dynamic linker maps what the program headers promise, and a file that ends before that, as one that was copied
while the disk was full, kills the process with a signal instead of an error. Windows and macOS look for themselves.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, Final

_ELF_MAGIC: Final = b"\x7fELF"
_PT_LOAD: Final = 1
_MAX_ELF_HEADERS: Final = 1000


def is_truncated_elf(path: str) -> bool:
    """Whether the file is ELF and ends before its segments do; raises OSError if it cannot be read."""
    with open(path, "rb") as file:
        try:
            return file.read(4) == _ELF_MAGIC and _find_segments_end(file) > os.fstat(file.fileno()).st_size
        except struct.error:
            return True


def _find_segments_end(file: BinaryIO) -> int:
    """Where the last segment that is loaded ends (System V ABI, program header)."""
    is_long, order = file.read(1) == b"\x02", "<" if file.read(1) == b"\x01" else ">"
    layout, where = (f"{order}IIQQQQ", 0x20) if is_long else (f"{order}IIIII", 0x1C)
    file.seek(where)
    (start,) = struct.unpack(f"{order}Q" if is_long else f"{order}I", file.read(8 if is_long else 4))
    file.seek(0x36 if is_long else 0x2A)
    size, count = struct.unpack(f"{order}HH", file.read(4))
    end = 0
    for number in range(min(count, _MAX_ELF_HEADERS)):
        file.seek(start + number * size)
        fields = struct.unpack(layout, file.read(struct.calcsize(layout)))
        # type, flags, offset, addresses, size in the file; in 32 bits the flags come later
        offset, length = (fields[2], fields[5]) if is_long else (fields[1], fields[4])
        if fields[0] == _PT_LOAD:
            end = max(end, offset + length)
    return end
