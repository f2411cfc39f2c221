"""Where results go: rich text on a terminal, plain lines when piped, or one JSON document."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, TextIO

from dcmseal.cli.streams import NOWHERE, standard_error, standard_output
from dcmseal.cli.text import LONGEST, LONGEST_LINE, columns, printable
from dcmseal.errors import OutputError, UsageError

if TYPE_CHECKING:
    from dcmseal.engine.json_values import Document, Json

_LABEL: Final = 14


class Tone(Enum):
    """How a line is meant; terminals may show it in colour."""

    PLAIN = ""
    GOOD = "green"
    BAD = "bold red"
    OPEN = "yellow"
    HEADING = "bold"
    COMMAND = "cyan"


class Screen(Protocol):
    """What commands write for people."""

    def line(self, text: str = "", tone: Tone = Tone.PLAIN) -> None:
        """Write one line; what could upset a terminal is escaped."""
        ...

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write a table."""
        ...


class PlainScreen:
    """Lines without colour and wrapping, for pipes and files."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def line(self, text: str = "", tone: Tone = Tone.PLAIN) -> None:
        print(printable(text, LONGEST_LINE), file=self._stream)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        for line in columns([headings, *([printable(cell) for cell in row] for row in rows)]):
            self.line(line)


def screen(stream: TextIO | None = None) -> Screen:
    """The screen for a stream, standard output if none is given."""
    stream = stream or standard_output() or NOWHERE
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        from dcmseal.cli.rich_screen import RichScreen

        return RichScreen(stream)
    return PlainScreen(stream)


def fields(
    to: Screen,
    values: Iterable[tuple[str, str]],
    tone: Tone = Tone.PLAIN,
    *,
    longest: int = LONGEST,
    width: int = _LABEL,
) -> None:
    """Write labelled values, one a line; those without text are left out."""
    for label, value in values:
        if value:
            to.line(f"  {label:{width}}{printable(value, longest)}", tone)


def warn(message: str) -> None:
    """Write a warning to standard error."""
    print(f"dcmseal: warning: {printable(message)}", file=standard_error())


def write_line(text: str, end: str = "\n") -> None:
    """Write text to standard output as it is."""
    print(text, end=end, file=standard_output() or NOWHERE)


def write_json(document: Document, *, compact: bool = False) -> None:
    """Write one JSON document to standard output, in ASCII."""
    import json

    write_line(json.dumps(document, indent=None if compact else 2))


def document(kind: str, **content: Json) -> Document:
    """A document of a kind that only the command line has."""
    from dcmseal.engine import json_values

    return json_values.document(kind, content)


def binary_output() -> BinaryIO:
    """Standard output for bytes; raises UsageError if it is a terminal, OutputError if it is closed."""
    stream = standard_output()
    if stream is None:
        raise OutputError("standard output is closed", hint="name a file")
    if stream.isatty():
        raise UsageError("bytes are not written to a terminal", hint="name a file, or pipe the output to a program")
    stream.flush()
    return stream.buffer
