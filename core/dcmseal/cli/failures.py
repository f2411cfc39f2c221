"""How commands end that do not end well: one line and a hint on standard error, an exit code, never a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import TextIOWrapper

from dcmseal.cli.exit_codes import ExitCode, code_of_error
from dcmseal.cli.output import standard_output, write_json
from dcmseal.cli.text import LONGEST_LINE, printable
from dcmseal.errors import SealError, internal_error


def guarded(action: Callable[[], int], *, as_json: bool, in_lines: bool = False) -> int:
    """Run a command, and turn whatever it raises into an exit code, and into a JSON document if those are wanted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # names of files and people may have characters that the terminal's encoding has not
            stream.reconfigure(errors="backslashreplace")
    try:
        return _flushed(action())
    except SealError as error:
        if isinstance(error.__context__, BrokenPipeError):
            return _reader_gone()
        return _refused(error, error, code_of_error(error), as_json=as_json, in_lines=in_lines)
    except BrokenPipeError:
        return _reader_gone()
    except KeyboardInterrupt:
        print("dcmseal: interrupted", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last resort
        return _refused(internal_error(error), error, ExitCode.UNREADABLE, as_json=as_json, in_lines=in_lines)


def _flushed(code: int) -> int:
    stream = standard_output()
    if stream is not None:
        stream.flush()
    return code


def complain(error: SealError, prefix: str = "") -> None:
    """Write an error and its hint to standard error."""
    print(f"dcmseal: {printable(prefix + str(error), LONGEST_LINE)}", file=sys.stderr)
    if error.hint:
        print(f"hint: {printable(error.hint, LONGEST_LINE)}", file=sys.stderr)


def _refused(error: SealError, cause: Exception, code: ExitCode, *, as_json: bool, in_lines: bool) -> int:
    if as_json or in_lines:
        from dcmseal.engine.documents import error_document

        try:
            write_json(error_document(error, code), in_a_line=in_lines)
            _flushed(code)
        except BrokenPipeError:
            _reader_gone()
    complain(error)
    _trace(cause)
    return code


def _reader_gone() -> int:
    """Whoever read standard output has stopped: nobody is left to be told, but success it is not."""
    # or Python would try again when it ends, and complain
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return ExitCode.UNREADABLE


def _trace(error: Exception) -> None:
    if os.environ.get("DCMSEAL_DEBUG", "") in ("", "0"):
        return
    import traceback

    for line in "".join(traceback.format_exception(error)).splitlines():
        print(printable(line, LONGEST_LINE), file=sys.stderr)
