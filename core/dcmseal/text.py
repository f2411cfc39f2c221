r"""Text files and text for terminals: UTF-8 with or without byte order mark, and lines that end with LF or CRLF.

Files in other encodings are rejected. Decoded as UTF-8, they would name other files, elements or PINs than their
authors meant.

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
"""The number of characters of a value to show."""


def escape_unprintable(text: str, limit: int = MAX_LENGTH) -> str:
    r"""Escape unprintable characters, such as control sequences of terminals, and truncate long text.

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
MAX_TOML_LINE_LENGTH: Final = 1000
"""In characters; tomllib needs memory that grows with the square of the length of a dotted key."""
_POSITION: Final = re.compile(r"\(at line (\d+), column (\d+)\)$")


def parse_toml(text: str, name: str, *, error: type[SealError]) -> dict[str, Any]:
    """Parse TOML.

    Args:
        text: The text to parse.
        name: The name of the file, for messages.
        error: The exception type to raise.

    Raises:
        SealError: The text is invalid; the message does not repeat any of it.
    """
    import tomllib

    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_TOML_LINE_LENGTH:
            raise error(
                f"{name}, line {number} has more than {MAX_TOML_LINE_LENGTH} characters",
                hint="break long lists into several lines",
            )
    try:
        return tomllib.loads(text)
    except RecursionError:
        problem = f"{name} is nested too deeply"
    except ValueError as failure:
        found = _POSITION.search(str(failure))
        where = f" at line {found[1]}, column {found[2]}" if found else ""
        problem = f"{name} is not valid TOML{where}"
    raise error(problem, hint='write key = "value", with quotes around text')


_BYTE_ORDER_MARKS: Final = (
    # UTF-32 first: its little endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_LONE_CR: Final = re.compile(rb"\r(?!\n)")
_HINT: Final = "save it as UTF-8 with LF or CRLF line endings"


class TextProblem(NamedTuple):
    """Why bytes are not text; without any of the bytes, because they may be a secret."""

    line: int
    fault: str
    hint: str = _HINT

    @property
    def message(self) -> str:
        """The line and the problem."""
        return f"line {self.line} {self.fault}"


def detect_bom_encoding(data: bytes) -> str:
    """Detect UTF-16 and UTF-32 by their byte order marks; returns an empty string for other data."""
    return next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "")


def find_text_problem(data: bytes) -> TextProblem | None:
    """Find out why bytes are not text in the expected form; None if they are."""
    encoding = detect_bom_encoding(data)
    if encoding:
        return TextProblem(1, f"is in {encoding}, not in UTF-8", f"convert it: iconv -f {encoding} -t UTF-8 OLD > NEW")
    nul = data.find(b"\0")
    if nul >= 0:
        return TextProblem(_line_number(data, nul), "contains a NUL character, like UTF-16 and binary files")
    lone = _LONE_CR.search(data)
    if lone:
        return TextProblem(_line_number(data, lone.start()), "contains a carriage return without line feed")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        wrong = error.start
    else:
        return None
    return TextProblem(_line_number(data, wrong), "is not in UTF-8 (perhaps in ISO 8859-1 or Windows-1252)")


def decode_text(data: bytes, name: str, *, error: type[SealError] = UsageError) -> str:
    """Decode the content of a text file, with LF as the only line ending.

    Args:
        data: The content of the file.
        name: Its name, for messages.
        error: The exception type to raise.

    Raises:
        SealError: The bytes are not text.
    """
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
    """Load a text file.

    Args:
        path: The file.
        max_bytes: The largest size to accept.
        error: The exception type to raise.
        hint: The hint of that exception if the file cannot be read.
        check_status: Called with the status of the file; may raise an error about owner or permissions.

    Raises:
        SealError: The file cannot be read, is too large, or is not text.
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
    """Load the first line of a file or open descriptor, which is a passphrase or PIN.

    A problem is returned instead of raised, so that the line does not get into a traceback.

    Args:
        source: A path or a file descriptor.
        max_bytes: The largest length to accept.

    Returns:
        The line without its line ending, or the reason why it is not text.

    Raises:
        OSError: The file cannot be read.
        ValueError: The path is invalid.
    """
    with open(source, "rb", closefd=False) if isinstance(source, int) else BufferedReader(open_input(source)) as file:
        line = file.readline(max_bytes + 1)
    if len(line) > max_bytes:
        return TextProblem(1, f"has more than {max_bytes} bytes", "put the passphrase or PIN on the first line")
    problem = find_text_problem(line)
    return problem or line.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")


def format_os_error(error: OSError | ValueError) -> str:
    """Describe why a file cannot be opened."""
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or "it is not a valid path on this system"


def _line_number(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1
