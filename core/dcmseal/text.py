r"""Text that people and their programs write for dcmseal, read in one way: UTF-8, with or without byte order mark.

Lines end with LF or CRLF. Whatever else a file holds is refused before anything is done: text in another encoding,
taken for UTF-8, means other files, elements or PINs than its author meant.

>>> decode_text(b"\xef\xbb\xbfPatientID\r\n", "tags.txt")
'PatientID\n'
>>> find_text_problem(b"\xff\xfea\0").message
'line 1 is in UTF-16, not in UTF-8'
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable
from io import BufferedReader
from typing import Any, Final, NamedTuple

from dcmseal.errors import SealError, UsageError
from dcmseal.input_files import open_input

MAX_LENGTH: Final = 400
"""Characters of one value that are shown."""


def escape_unprintable(text: str, limit: int = MAX_LENGTH) -> str:
    r"""The text with everything escaped that a terminal might obey, or that does not show, and bounded in length.

    >>> escape_unprintable("DOE\x1b[2J^JANE")
    'DOE\\x1b[2J^JANE'
    """
    left_out = len(text) - limit
    if left_out > 0:
        text = text[:limit]
    if not text.isprintable():
        text = "".join(each if each.isprintable() else _escape(each) for each in text)
    return f"{text}... ({left_out} more characters)" if left_out > 0 else text


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


MAX_TOML_BYTES: Final = 1 << 16
"""The largest file of this kind."""
MAX_TOML_LINE_LENGTH: Final = 1000
"""Characters: the memory that tomllib takes for a dotted key grows with the square of its length."""
_POSITION: Final = re.compile(r"\(at line (\d+), column (\d+)\)$")


def parse_toml(text: str, name: str, *, error: type[SealError]) -> dict[str, Any]:
    """The table that a text holds; ``name`` says whose it is. Raises ``error``, which repeats nothing of the text."""
    import tomllib

    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_TOML_LINE_LENGTH:
            raise error(
                f"{name}, line {number} has more than {MAX_TOML_LINE_LENGTH} characters",
                hint="break lists into several lines",
            )
    try:
        return tomllib.loads(text)
    except RecursionError:
        problem = " is nested too deeply"
    except ValueError as failure:
        found = _POSITION.search(str(failure))
        problem = f", line {found[1]}, column {found[2]} is no TOML" if found else " is no TOML"
    raise error(f"{name}{problem}", hint='write key = "value", and quote every text')


_BYTE_ORDER_MARKS: Final = (
    # the mark of UTF-16 is the beginning of that of UTF-32
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_LONE_CR: Final = re.compile(rb"\r(?!\n)")
_HINT: Final = "save it as UTF-8 with line ends LF or CRLF"


class TextProblem(NamedTuple):
    """Why bytes are not text; it repeats none of them, since they may be a secret."""

    line: int
    fault: str
    hint: str = _HINT

    @property
    def message(self) -> str:
        """Which line it is, and what is wrong with it."""
        return f"line {self.line} {self.fault}"


def detect_bom_encoding(data: bytes) -> str:
    """The encoding other than UTF-8 that a byte order mark names; empty if there is none."""
    return next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "")


def find_text_problem(data: bytes) -> TextProblem | None:
    """Why the bytes are not text as it is read here; None if they are."""
    encoding = detect_bom_encoding(data)
    if encoding:
        return TextProblem(1, f"is in {encoding}, not in UTF-8", f"convert it: iconv -f {encoding} -t UTF-8 OLD > NEW")
    nul = data.find(b"\0")
    if nul >= 0:
        return TextProblem(_line_number(data, nul), "has a NUL, as UTF-16 and binary files have")
    lone = _LONE_CR.search(data)
    if lone:
        return TextProblem(_line_number(data, lone.start()), "has a carriage return without line feed")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        wrong = error.start
    else:
        return None
    return TextProblem(_line_number(data, wrong), "is not in UTF-8, but perhaps in ISO 8859-1 or Windows-1252")


def decode_text(data: bytes, name: str, *, error: type[SealError] = UsageError) -> str:
    """The text of a file of that name, with line feeds only; raises ``error``."""
    problem = find_text_problem(data)
    if problem:
        raise error(f"{name}, {problem.message}", hint=problem.hint)
    return data.decode("utf-8-sig").replace("\r\n", "\n")


def load_text(
    path: str | os.PathLike[str],
    max_bytes: int,
    *,
    error: type[SealError] = UsageError,
    hint: str = "check the path and its permissions",
    check_status: Callable[[os.stat_result], None] | None = None,
) -> str:
    """The text of a file of at most ``max_bytes`` bytes; ``check_status`` may refuse it for its owner or permissions.

    Raises:
        SealError: ``error``, if it cannot be read, is larger, or holds something else than text.
    """
    name = os.fspath(path)
    try:
        with BufferedReader(open_input(path)) as file:
            status = os.fstat(file.fileno())
            data = file.read(max_bytes + 1)
    except (OSError, ValueError) as failure:
        raise error(f"{name} cannot be read: {format_os_error(failure)}", hint=hint) from None
    if len(data) > max_bytes:
        raise error(f"{name} is larger than {max_bytes >> 10} KiB", hint="check the path")
    if check_status and data:
        check_status(status)
    return decode_text(data, name, error=error)


def load_first_line(source: str | os.PathLike[str] | int, max_bytes: int) -> str | TextProblem:
    """The first line of a file, or of an open descriptor, without its end; or why it is not text.

    It is returned, and nothing is raised about it, so that no traceback has it: it is a passphrase or PIN. Raises
    OSError or ValueError if it cannot be read.
    """
    with open(source, "rb", closefd=False) if isinstance(source, int) else BufferedReader(open_input(source)) as file:
        line = file.readline(max_bytes + 1)
    if len(line) > max_bytes:
        return TextProblem(1, f"has more than {max_bytes} bytes", "it has to be the first line")
    problem = find_text_problem(line)
    return problem or line.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")


def format_os_error(error: OSError | ValueError) -> str:
    """Why a file cannot be opened, in words."""
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or "it is not a path of this system"


def _line_number(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1
