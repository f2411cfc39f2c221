"""How commands end that do not end well: one line and a hint on standard error, an exit code, never a traceback."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import TextIOWrapper

from dcmseal.cli.exit_codes import ExitCode, code_of_error
from dcmseal.cli.output import write_json
from dcmseal.cli.streams import standard_error, standard_output, stop_results
from dcmseal.cli.text import LONGEST_LINE, printable
from dcmseal.errors import SealError, internal_error


def guarded(action: Callable[[], int], *, as_json: bool, in_lines: bool = False) -> int:
    """Run a command, and turn whatever it raises into an exit code, and into a JSON document if those are wanted."""
    for stream in (standard_output(), standard_error()):
        if isinstance(stream, TextIOWrapper):
            # names of files and people may have characters that the terminal's encoding has not
            stream.reconfigure(errors="backslashreplace")
    try:
        return _flushed(action())
    except SystemExit as end:  # of argparse, after help
        raise SystemExit(_ended(end)) from None
    except SealError as error:
        if isinstance(error.__context__, BrokenPipeError):
            return _reader_gone()
        return _refused(error, error, code_of_error(error), as_json=as_json, in_lines=in_lines)
    except BrokenPipeError:
        return _reader_gone()
    except KeyboardInterrupt:
        print("dcmseal: interrupted", file=standard_error())
        return ExitCode.INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - the last resort
        said = internal_error(error)
        return _refused(said, error, code_of_error(said), as_json=as_json, in_lines=in_lines)


def _ended(end: SystemExit) -> int:
    try:
        return _flushed(end.code if isinstance(end.code, int) else ExitCode.OK)
    except SealError as error:
        stop_results()
        complain(error)
        return code_of_error(error)


def _flushed(code: int) -> int:
    """The code, once all results are written; who stopped reading them has heard enough, and the code stays true."""
    stream = standard_output()
    if stream is not None:
        try:
            stream.flush()
        except BrokenPipeError:
            stop_results()
    return code


def complain(error: SealError, prefix: str = "") -> None:
    """Write an error and its hint to standard error."""
    print(f"dcmseal: {printable(prefix + str(error), LONGEST_LINE)}", file=standard_error())
    if error.hint:
        print(f"hint: {printable(error.hint, LONGEST_LINE)}", file=standard_error())


def _refused(error: SealError, cause: BaseException, code: ExitCode, *, as_json: bool, in_lines: bool) -> int:
    if as_json or in_lines:
        from dcmseal.engine.documents import error_document

        try:
            write_json(error_document(error, code), compact=in_lines)
            _flushed(code)
        except (OSError, SealError):
            stop_results()
    else:
        _flush_or_stop()
    complain(error)
    _trace(cause)
    return code


def _reader_gone() -> int:
    """Whoever reads standard output has stopped before there was an outcome."""
    stop_results()
    return ExitCode.UNREADABLE


def _flush_or_stop() -> None:
    """Write what there is of results, before the error is told; if that fails, the error is told all the same."""
    try:
        _flushed(ExitCode.OK)
    except (OSError, SealError):
        stop_results()


def _trace(error: BaseException) -> None:
    if os.environ.get("DCMSEAL_DEBUG", "") in ("", "0"):
        return
    import traceback

    for line in "".join(traceback.format_exception(error)).splitlines():
        print(printable(line, LONGEST_LINE), file=standard_error())
