"""Turns exceptions into an error message, a hint and an exit code."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import TextIOWrapper

from dcmseal.cli.render.screens import write_json
from dcmseal.cli.render.text_layout import MAX_LINE, escape_unprintable
from dcmseal.cli.standard_streams import discard_results, standard_error, standard_output
from dcmseal.errors import SealError, build_internal_error
from dcmseal.exit_codes import ExitCode, error_exit_code


def run_with_error_handling(action: Callable[[], int], *, as_json: bool, in_lines: bool = False) -> int:
    """Run a command; turn any exception into an exit code and, if requested, a JSON document."""
    for stream in (standard_output(), standard_error()):
        if isinstance(stream, TextIOWrapper):
            # names of files and people may contain characters that the terminal's encoding lacks
            stream.reconfigure(errors="backslashreplace")
    try:
        return _flush_results(action())
    except SystemExit as end:  # of argparse, after help
        raise SystemExit(_handle_system_exit(end)) from None
    except SealError as error:
        if isinstance(error.__context__, BrokenPipeError):
            return _handle_broken_pipe()
        return _report_error(error, error, error_exit_code(error), as_json=as_json, in_lines=in_lines)
    except BrokenPipeError:
        return _handle_broken_pipe()
    except KeyboardInterrupt:
        print("dcmseal: interrupted", file=standard_error())
        return ExitCode.INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - the last resort
        said = build_internal_error(error)
        return _report_error(said, error, error_exit_code(said), as_json=as_json, in_lines=in_lines)


def _handle_system_exit(end: SystemExit) -> int:
    try:
        return _flush_results(end.code if isinstance(end.code, int) else ExitCode.OK)
    except SealError as error:
        discard_results()
        print_error(error)
        return error_exit_code(error)


def _flush_results(code: int) -> int:
    """Flush the results and return the exit code; a reader that stopped reading does not change it."""
    stream = standard_output()
    if stream is not None:
        try:
            stream.flush()
        except BrokenPipeError:
            discard_results()
    return code


def print_error(error: SealError, *, file: str = "", prefix: str = "") -> None:
    """Write an error, the name of its file, and its hint to standard error."""
    _word_hint(error)
    file, message = file or error.file, str(error)
    if message.startswith(f"{file} "):
        message = message.removeprefix(f"{file} ")
    if file and f" {file}" not in f" {message}":
        message = f"{file}: {message}"
    print(f"dcmseal: {escape_unprintable(prefix + message, MAX_LINE)}", file=standard_error())
    if error.hint:
        print(f"hint: {escape_unprintable(error.hint, MAX_LINE)}", file=standard_error())


def _word_hint(error: SealError) -> None:
    """Give an error its hint for the command line; the table of hints is imported only if something fails."""
    from dcmseal.cli.error_hints import to_shell_hint

    to_shell_hint(error)


def _report_error(error: SealError, cause: BaseException, code: ExitCode, *, as_json: bool, in_lines: bool) -> int:
    _word_hint(error)
    if as_json or in_lines:
        from dcmseal.documents.document_builders import error_document

        try:
            write_json(error_document(error, code, error.file), compact=in_lines)
            _flush_results(code)
        except (OSError, SealError):
            discard_results()
    else:
        _flush_or_discard()
    print_error(error)
    _print_traceback(cause)
    return code


def _handle_broken_pipe() -> int:
    """The reader of standard output stopped before there was a result."""
    discard_results()
    return ExitCode.UNREADABLE


def _flush_or_discard() -> None:
    """Write the results so far before the error; the error is shown even if that fails."""
    try:
        _flush_results(ExitCode.OK)
    except (OSError, SealError):
        discard_results()


def _print_traceback(error: BaseException) -> None:
    if os.environ.get("DCMSEAL_DEBUG", "") in ("", "0"):
        return
    import traceback

    for line in "".join(traceback.format_exception(error)).splitlines():
        print(escape_unprintable(line, MAX_LINE), file=standard_error())
