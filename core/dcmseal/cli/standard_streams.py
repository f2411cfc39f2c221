"""The standard streams of the process: only results go to standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from io import BufferedWriter, FileIO, StringIO, TextIOBase, TextIOWrapper
from typing import TYPE_CHECKING, Final, TextIO, cast

from dcmseal.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_BUFFER_BYTES: Final = 1 << 15
"""The size of buffers in bytes: output for people is written at once, so that ``| head`` gets it in one piece."""
_RESULT_STREAM: Final[ContextVar[TextIO | None]] = ContextVar("results")


def standard_output() -> TextIO | None:
    """The stream for results; None if its descriptor was closed before Python started."""
    return _RESULT_STREAM.get(sys.stdout)


@contextmanager
def capture_results() -> Generator[StringIO]:
    """Collect results in memory as a context manager, instead of writing them to standard output."""
    with StringIO() as stream:
        token = _RESULT_STREAM.set(stream)
        try:
            yield stream
        finally:
            _RESULT_STREAM.reset(token)


def standard_error() -> TextIO:
    """The stream for everything else; output is lost if its descriptor was closed before Python started."""
    stream: TextIO | None = sys.stderr
    return NULL_STREAM if stream is None or stream.closed else stream


def redirect_streams() -> None:
    """Prepare the streams of a process that runs one command; call it once, before anything else is opened.

    - Closed descriptors 0 to 2 are opened to ``/dev/null``. Otherwise a file that is opened later could get one of
      these numbers, and receive what plugins print.
    - A message that cannot be written to standard error is lost, and does not change the exit code.
    - Results go to a copy of standard output. The descriptor itself and ``sys.stdout`` then lead to standard error,
      because plugins and drivers print there. A terminal is not redirected.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            _open_devnull(descriptor)
    if os.name != "posix":
        return
    stdout: TextIO | None = sys.stdout
    stderr: TextIO | None = sys.stderr
    sys.stderr = _make_message_stream(stderr)
    results = None
    if stdout is not None:
        is_terminal = stdout.isatty()
        in_lines = is_terminal or bool(getattr(stdout, "write_through", False))
        results = _make_text_stream(_ResultStream(os.dup(1), "w"), line_buffering=in_lines, encoding=stdout.encoding)
        if is_terminal:
            sys.stdout = results
            return
    _RESULT_STREAM.set(results)
    os.dup2(2, 1)
    sys.stdout = _make_message_stream(stderr)


def check_reader() -> None:
    """Raise BrokenPipeError if the reader of the results is gone, so that a long run can stop."""
    stream = standard_output()
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    if isinstance(raw, _ResultStream) and not raw.is_read:
        raise BrokenPipeError


def discard_results() -> None:
    """Discard buffered results, which would otherwise fail again when the process ends."""
    stream = standard_output()
    if stream is not None:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def _open_devnull(descriptor: int) -> None:
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != descriptor:
        os.dup2(opened, descriptor)
        os.close(opened)
    os.set_inheritable(descriptor, True)  # noqa: FBT003 - the standard library defines it as positional


def _make_message_stream(stderr: TextIO | None) -> TextIOWrapper:
    encoding = None if stderr is None else stderr.encoding
    return _make_text_stream(_MessageStream(2, "w", closefd=False), line_buffering=True, encoding=encoding)


def _make_text_stream(raw: FileIO, *, line_buffering: bool, encoding: str | None = None) -> TextIOWrapper:
    # names of files and people may contain characters that the terminal's encoding lacks
    return TextIOWrapper(
        BufferedWriter(raw, _BUFFER_BYTES), encoding, "backslashreplace", line_buffering=line_buffering
    )


class _MessageStream(FileIO):
    """Standard error; writing to it never fails."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            written = super().write(data)
        except OSError:
            written = None
        return memoryview(data).nbytes if written is None else written


class _ResultStream(FileIO):
    """Standard output; a failure to write to it is an OutputError.

    If the reader stops reading, further results are dropped, and the exit code stays that of the results.
    """

    is_read = True

    def write(self, data: ReadableBuffer, /) -> int:
        if not self.is_read:
            return memoryview(data).nbytes
        try:
            while (written := cast("int | None", super().write(data))) is None:
                self._wait_until_writable()
        except BrokenPipeError:
            self.is_read = False
            return memoryview(data).nbytes
        except OSError as error:
            raise OutputError(
                f"cannot write to standard output: {error.strerror}",
                hint="check the free space and the target of the output",
            ) from None
        return written

    def _wait_until_writable(self) -> None:
        """Wait until a non-blocking pipe accepts data; another process that shares it may have made it non-blocking."""
        from select import select

        select([], [self], [])


class _NullStream(TextIOBase):
    def write(self, text: str, /) -> int:
        return len(text)


NULL_STREAM: Final = cast("TextIO", _NullStream())
"""Replaces a closed stream."""
