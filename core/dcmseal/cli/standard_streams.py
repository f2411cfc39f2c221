"""The standard streams of the process: nothing but results is on standard output, whatever else fails or prints."""

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
"""Bytes: what a person reads is written at once, so that ``| head`` does not come to be a pipe without reader."""
_RESULT_STREAM: Final[ContextVar[TextIO | None]] = ContextVar("results")


def standard_output() -> TextIO | None:
    """Where results go; None if its descriptor was closed before Python started."""
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
    """Where everything else goes; what is written is lost if its descriptor was closed before Python started."""
    stream: TextIO | None = sys.stderr
    return NULL_STREAM if stream is None or stream.closed else stream


def redirect_streams() -> None:
    """Prepare the streams of a process that runs one command; called once, before anything else is opened.

    - Descriptors 0 to 2 that are closed are opened to nowhere: no file that is opened later gets one of these numbers,
      and with it what somebody prints.
    - A message that cannot be written to standard error is lost. It does not change the exit code.
    - Results go to a copy of standard output. The descriptor itself leads to standard error from then on, and so does
      ``sys.stdout``: plugins and drivers print there. A terminal is left as it is, since nobody takes it for data.
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
    """Raise BrokenPipeError if nobody reads the results any more: a long run need not go on."""
    stream = standard_output()
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    if isinstance(raw, _ResultStream) and not raw.is_read:
        raise BrokenPipeError


def discard_results() -> None:
    """Write no more results: what is left in buffers is lost, instead of failing once more when the process ends."""
    stream = standard_output()
    if stream is not None:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def _open_devnull(descriptor: int) -> None:
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != descriptor:
        os.dup2(opened, descriptor)
        os.close(opened)
    os.set_inheritable(descriptor, True)  # noqa: FBT003 - the standard library has it so


def _make_message_stream(stderr: TextIO | None) -> TextIOWrapper:
    encoding = None if stderr is None else stderr.encoding
    return _make_text_stream(_MessageStream(2, "w", closefd=False), line_buffering=True, encoding=encoding)


def _make_text_stream(raw: FileIO, *, line_buffering: bool, encoding: str | None = None) -> TextIOWrapper:
    # names of files and people may have characters that the terminal's encoding has not
    return TextIOWrapper(
        BufferedWriter(raw, _BUFFER_BYTES), encoding, "backslashreplace", line_buffering=line_buffering
    )


class _MessageStream(FileIO):
    """Standard error, on which nothing fails."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            written = super().write(data)
        except OSError:
            written = None
        return memoryview(data).nbytes if written is None else written


class _ResultStream(FileIO):
    """Standard output, whose failure is an error of the output, and not of dcmseal.

    If the reader stops reading, the rest is dropped, and the exit code stays that of the results.
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
                hint="check the free space, and where the output goes",
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
"""In place of a stream that is closed."""
