r"""Lists of paths, one per line or each ended by a NUL, as ``find`` and ``find -print0`` write them.

>>> from io import BytesIO
>>> list(parse_path_list(BytesIO(b"a.dcm\0b c.dcm\0")))
['a.dcm', 'b c.dcm']
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, cast

from dcmseal.errors import UsageError
from dcmseal.text import TextProblem, decode_text, detect_bom_encoding, find_text_problem

_READ_BYTES: Final = 1 << 16
_MAX_MEMORY_BYTES: Final = 8 << 20
_MAX_BYTES: Final = 4 << 30
_MAX_PATH_BYTES: Final = 1 << 15
"""Bytes of a path."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def parse_path_list(stream: BinaryIO, name: str = "the list of files") -> Iterator[str]:
    """Parse a list of paths; all of it is read and checked before this returns.

    Paths that end in NUL may have any bytes. Other lists are text in UTF-8 with line ends LF or CRLF. In UTF-16, every
    other byte is a NUL; therefore, lists with NUL must not have paths of less than two bytes (``.`` would be a whole
    folder).

    Raises:
        UsageError: The list is invalid; the message says where.
    """
    copy = SpooledTemporaryFile(max_size=_MAX_MEMORY_BYTES)  # noqa: SIM115 - closed with the last path
    try:
        _copy_stream(stream, copy, name)
        start = copy.read(_READ_BYTES)
        separator = b"\0" if b"\0" in start and not detect_bom_encoding(start) else b"\n"
        check, what = (_find_name_problem, "name") if separator == b"\0" else (_find_line_problem, "line")
        for number, line in enumerate(_iter_lines(copy, separator), 1):
            problem = check(line)
            if problem:
                raise UsageError(f"{name}, {what} {number} {problem.fault}", hint=problem.hint)
    except BaseException:
        copy.close()
        raise
    return _iter_paths(copy, separator, name)


def _iter_paths(copy: SpooledTemporaryFile[bytes], separator: bytes, name: str) -> Iterator[str]:
    with copy:
        for line in _iter_lines(copy, separator):
            path = os.fsdecode(line.rstrip(b"\0")) if separator == b"\0" else decode_text(line, name).rstrip("\n")
            if path:
                yield path


def _iter_lines(copy: SpooledTemporaryFile[bytes], separator: bytes) -> Iterator[bytes]:
    """Iterate over lines with their ends, without a byte order mark; the last line may have no end."""
    copy.seek(len(_BYTE_ORDER_MARK) if _has_byte_order_mark(copy) else 0)
    rest = b""
    while piece := copy.read(_READ_BYTES):
        *lines, rest = (rest + piece).split(separator)
        for line in lines:
            yield line + separator
        while len(rest) > 2 * _MAX_PATH_BYTES:  # too long already
            yield rest
            rest = b""
    if rest:
        yield rest


def _has_byte_order_mark(copy: SpooledTemporaryFile[bytes]) -> bool:
    copy.seek(0)
    return copy.read(len(_BYTE_ORDER_MARK)) == _BYTE_ORDER_MARK


def _find_line_problem(line: bytes) -> TextProblem | None:
    if len(line) > _MAX_PATH_BYTES:
        return TextProblem(1, "is too long for a path", "write one path per line")
    problem = find_text_problem(line)
    if problem is None:
        return None
    return problem._replace(hint=f"{problem.hint}; end names with other bytes with NUL, like find -print0")


def _find_name_problem(name: bytes) -> TextProblem | None:
    if len(name) > _MAX_PATH_BYTES:
        return TextProblem(1, "is too long for a path", "end each path with NUL, or write one path per line")
    if len(name.rstrip(b"\0")) < 2:
        return TextProblem(
            1,
            "is shorter than two bytes, like names in UTF-16 text",
            "save the list as UTF-8, one path per line; if names end with NUL, write ./a instead of a",
        )
    return None


def _copy_stream(stream: BinaryIO, copy: SpooledTemporaryFile[bytes], name: str) -> None:
    left = _MAX_BYTES
    for piece in cast("Iterable[bytes]", iter(lambda: stream.read(_READ_BYTES), b"")):
        left -= len(piece)
        if left < 0:
            raise UsageError(f"{name} is larger than {_MAX_BYTES >> 30} GiB", hint="check the path")
        copy.write(piece)
    copy.seek(0)
