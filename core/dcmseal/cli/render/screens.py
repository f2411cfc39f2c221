"""Output of results: colour on a terminal, plain lines elsewhere, or one JSON document."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, TextIO

from dcmseal.cli.render.text_layout import MAX_LENGTH, MAX_LINE, align_columns, escape_unprintable
from dcmseal.cli.render.tone import Tone
from dcmseal.cli.standard_streams import NULL_STREAM, standard_error, standard_output
from dcmseal.errors import OutputError, UsageError

if TYPE_CHECKING:
    from dcmseal.documents.json_types import Document, Json

_LABEL_WIDTH: Final = 14


class Screen(Protocol):
    """Output for people."""

    def line(self, text: str = "", tone: Tone = Tone.PLAIN) -> None:
        """Write one line; control characters are escaped."""
        ...

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write a table."""
        ...


class PlainScreen:
    """Lines without colour and wrapping, for pipes and files."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def line(self, text: str = "", tone: Tone = Tone.PLAIN) -> None:
        print(escape_unprintable(text, MAX_LINE), file=self._stream)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        for line in align_columns([headings, *([escape_unprintable(cell) for cell in row] for row in rows)]):
            self.line(line)


def make_screen(stream: TextIO | None = None) -> Screen:
    """The screen for a stream, by default standard output."""
    stream = stream or standard_output() or NULL_STREAM
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        from dcmseal.cli.render.rich_screen import RichScreen

        return RichScreen(stream)
    return PlainScreen(stream)


def write_fields(
    to: Screen,
    values: Iterable[tuple[str, str]],
    tone: Tone = Tone.PLAIN,
    *,
    longest: int = MAX_LENGTH,
    width: int = _LABEL_WIDTH,
) -> None:
    """Write labelled values, one per line; empty values are omitted."""
    for label, value in values:
        if value:
            to.line(f"  {label:{width}}{escape_unprintable(value, longest)}", tone)


def warn(message: str) -> None:
    """Write a warning to standard error."""
    print(f"dcmseal: warning: {escape_unprintable(message)}", file=standard_error())


def write_line(text: str, end: str = "\n") -> None:
    """Write text to standard output unchanged."""
    print(text, end=end, file=standard_output() or NULL_STREAM)


def write_json(document: Document, *, compact: bool = False) -> None:
    """Write one JSON document to standard output, in ASCII."""
    import json

    write_line(json.dumps(document, indent=None if compact else 2))


def make_document(kind: str, **content: Json) -> Document:
    """A document of a kind that only the command line writes."""
    from dcmseal.documents import json_types

    return json_types.build_document(kind, content)


def binary_standard_output() -> BinaryIO:
    """Standard output for bytes; raises UsageError if it is a terminal, OutputError if it is closed."""
    stream = standard_output()
    if stream is None:
        raise OutputError("standard output is closed", hint="give an output file")
    if stream.isatty():
        raise UsageError("refusing to write binary data to a terminal", hint="give an output file, or pipe the output")
    stream.flush()
    return stream.buffer
