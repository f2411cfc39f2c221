r"""Lists of paths, one a line or each ended by a NUL, as ``find`` and ``find -print0`` write them.

>>> from io import BytesIO
>>> list(listed(BytesIO(b"a.dcm\0b c.dcm\0")))
['a.dcm', 'b c.dcm']
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, cast

from dcmseal.errors import UsageError
from dcmseal.text_files import TextProblem, decode_text, marked_encoding, problem_of

_PIECE: Final = 1 << 16
_IN_MEMORY: Final = 8 << 20
_MAX_BYTES: Final = 4 << 30
_MAX_NAME: Final = 1 << 15
"""Bytes of a path."""
_MARK: Final = b"\xef\xbb\xbf"


def listed(stream: BinaryIO, name: str = "the list of files") -> Iterator[str]:
    """The paths in a list, all of which has been read and checked when this returns.

    Names that are ended by NUL may have any bytes. Other lists are text in UTF-8, with line ends LF or CRLF. In UTF-16
    every other byte is a NUL, so that a name of no byte or of one ("." would be a whole folder) is refused where names
    are ended by NUL. Raises UsageError, which says where, for anything else.
    """
    copy = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed with the last path
    try:
        _copy(stream, copy, name)
        start = copy.read(_PIECE)
        separator = b"\0" if b"\0" in start and not marked_encoding(start) else b"\n"
        check, what = (_name_problem, "name") if separator == b"\0" else (_line_problem, "line")
        for number, line in enumerate(_lines(copy, separator), 1):
            problem = check(line)
            if problem:
                raise UsageError(f"{name}, {what} {number} {problem.fault}", hint=problem.hint)
    except BaseException:
        copy.close()
        raise
    return _paths(copy, separator, name)


def _paths(copy: SpooledTemporaryFile[bytes], separator: bytes, name: str) -> Iterator[str]:
    with copy:
        for line in _lines(copy, separator):
            path = os.fsdecode(line.rstrip(b"\0")) if separator == b"\0" else decode_text(line, name).rstrip("\n")
            if path:
                yield path


def _lines(copy: SpooledTemporaryFile[bytes], separator: bytes) -> Iterator[bytes]:
    """All lines with their ends, without a byte order mark; the last one may have no end."""
    copy.seek(len(_MARK) if _begins_with_mark(copy) else 0)
    rest = b""
    while piece := copy.read(_PIECE):
        *lines, rest = (rest + piece).split(separator)
        for line in lines:
            yield line + separator
        while len(rest) > 2 * _MAX_NAME:  # too long already
            yield rest
            rest = b""
    if rest:
        yield rest


def _begins_with_mark(copy: SpooledTemporaryFile[bytes]) -> bool:
    copy.seek(0)
    return copy.read(len(_MARK)) == _MARK


def _line_problem(line: bytes) -> TextProblem | None:
    if len(line) > _MAX_NAME:
        return TextProblem(1, "is not a path", "write one path a line")
    problem = problem_of(line)
    if problem is None:
        return None
    return problem._replace(hint=f"{problem.hint}; names with other bytes can be ended by NUL, as find -print0 does")


def _name_problem(name: bytes) -> TextProblem | None:
    if len(name) > _MAX_NAME:
        return TextProblem(1, "is not a path", "end each path by NUL, or write one a line")
    if len(name.rstrip(b"\0")) < 2:
        return TextProblem(
            1,
            "has less than two bytes, as in text in UTF-16",
            "save the list as UTF-8, one path a line; where names are ended by NUL, write ./a for a",
        )
    return None


def _copy(stream: BinaryIO, copy: SpooledTemporaryFile[bytes], name: str) -> None:
    left = _MAX_BYTES
    for piece in cast("Iterable[bytes]", iter(lambda: stream.read(_PIECE), b"")):
        left -= len(piece)
        if left < 0:
            raise UsageError(f"{name} is larger than {_MAX_BYTES >> 30} GiB", hint="check the path")
        copy.write(piece)
    copy.seek(0)
