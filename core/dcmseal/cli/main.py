"""The command line ``dcmseal``: finds the command, and imports only that one."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from typing import Final, Protocol, TextIO, cast

from dcmseal.cli.error_handling import run_with_error_handling
from dcmseal.cli.file_arguments import normalize_standard_streams
from dcmseal.cli.parser import Parser, suggest
from dcmseal.cli.path_checks import check_paths
from dcmseal.cli.render.screens import warn
from dcmseal.cli.standard_streams import redirect_streams, standard_error
from dcmseal.errors import UsageError
from dcmseal.exit_codes import ExitCode
from dcmseal.urls import URL_SEPARATOR
from dcmseal.version import __version__

COMMANDS: Final = {
    "sign": "sign DICOM files",
    "verify": "verify signatures and show what they cover",
    "compare": "compare two files and show which signatures the differences break",
    "list": "list signatures",
    "show": "show signatures in detail, or as a coverage tree",
    "journal": "show the progress of long runs; export and merge journals",
    "remove": "remove signatures",
    "timestamp": "add a certified timestamp to an existing signature",
    "certificate": "extract the signer's certificate",
    "stream": "write the MAC byte stream of a signature",
    "keys": "list the keys on cards, tokens and other devices",
    "config": "check the configuration file",
    "profiles": "list and explain Digital Signature Profiles",
    "plugins": "list the installed plugins and their problems",
    "demo": "sign, verify, tamper and verify again with a throwaway key",
    "completion": "print a shell completion script",
}

_HELP: Final = "help"

_EPILOG: Final = """\
examples:
  dcmseal sign image.dcm signed.dcm --key "pem:key.pem?cert=cert.pem"
  dcmseal verify signed.dcm
  dcmseal help COMMAND          show the options of a command

exit codes:
  0  success; every requested signature is valid   4  not established: neither valid nor invalid
  1  at least one signature is invalid             5  cannot read input or write output
  2  usage error, or the request is refused        6  key, token, plugin or network unavailable
  3  no signature                                  7  internal error"""


class Command(Protocol):
    """A module of ``dcmseal.cli.commands``."""

    def configure(self, parser: Parser) -> None: ...
    def run(self, options: Namespace) -> int: ...


_GC_THRESHOLD: Final = 100_000
"""Objects before the first garbage collection: more than all imports of a short run create."""


def process() -> int:
    """Run the process's own command line; returns the exit code.

    Garbage collections during imports and at exit would take a fifth of the time that a small file needs.
    """
    gc.set_threshold(_GC_THRESHOLD)
    try:
        redirect_streams()
    except OSError:
        return ExitCode.INTERNAL  # without a descriptor for a message
    warnings.showwarning = _show_warning
    _set_main_spec()
    try:
        return main()
    finally:
        gc.freeze()


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - the standard library passes it
    line: str | None = None,  # noqa: ARG001 - the standard library passes it
) -> None:
    """Write a warning of a library like a warning of dcmseal; it may contain text from a file."""
    warn(f"{category.__name__} in {os.path.basename(filename)}, line {lineno}: {message}")


def _set_main_spec() -> None:
    """Name the script ``python -m dcmseal``, because processes of a pool import any other script again."""
    script = sys.modules["__main__"]
    if script.__spec__ is None:
        script.__spec__ = ModuleSpec("dcmseal.__main__", None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of the process; returns the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(make_full_parser())
    return run_with_error_handling(lambda: _run(words), as_json="--json" in words, in_lines="--json-lines" in words)


def _run(words: list[str]) -> int:
    if not words:
        make_overview_parser().print_help(standard_error())
        return ExitCode.USAGE
    if words[0] == _HELP:
        words = _rewrite_help(words[1:])
    name = words[0]
    if name.startswith("-"):
        parsed = make_overview_parser().parse_args(words)
        if parsed.version:
            return _print_version(verbose=parsed.verbose)
        raise UsageError("no command given", hint="see dcmseal --help")
    if name not in COMMANDS:
        raise _unknown_command(name)
    command = load_command(name)
    parser = Parser(prog=f"dcmseal {name}")
    command.configure(parser)
    # files may be mixed with options, but intermixed parsing loses arguments after "--"
    parse = parser.parse_args if "--" in words else parser.parse_intermixed_args
    options = parse(words[1:])
    if any(URL_SEPARATOR in word for word in words):
        from dcmseal.cli.url_arguments import check_urls

        check_urls(options)
    normalize_standard_streams(options)
    check_paths(name, options)
    return command.run(options)


def _rewrite_help(words: list[str]) -> list[str]:
    """The command line that ``dcmseal help`` means: ``--help``, or ``COMMAND --help``."""
    commands = [word for word in words if not word.startswith("-")]
    if len(commands) > 1:
        raise UsageError("expected one command", hint="use dcmseal help COMMAND")
    return [*commands, "--help"]


def load_command(name: str) -> Command:
    """The module of a command."""
    return cast("Command", import_module(f"dcmseal.cli.commands.{name}_command"))


def make_overview_parser() -> Parser:
    """The parser for help and version, without the commands."""
    shown = {**COMMANDS, _HELP: "show help for a command"}
    commands = "\n".join(f"  {name:13}{summary}" for name, summary in shown.items())
    parser = Parser(
        prog="dcmseal",
        usage="dcmseal COMMAND ...",
        description="Create, verify and explain DICOM Digital Signatures (PS3.15 Annex C).",
        epilog=f"commands:\n{commands}\n\n{_EPILOG}",
    )
    parser.add_argument("--version", action="store_true", help="show the version and exit")
    parser.add_argument("-v", "--verbose", action="store_true", help="with --version: show what is in use, too")
    return parser


def _print_version(*, verbose: bool) -> int:
    import platform

    from dcmseal.cli.render.screens import write_line

    write_line(f"dcmseal {__version__}")
    if verbose:
        from dcmseal.walker.compiled import describe_walker

        write_line(f"Python {platform.python_version()}")
        write_line(f"walker: {describe_walker()}")
    return ExitCode.OK


def make_full_parser() -> Parser:
    """The parser with all commands and all their arguments, for completion."""
    parser = make_overview_parser()
    commands = parser.add_subparsers(parser_class=Parser)
    for name, summary in COMMANDS.items():
        load_command(name).configure(commands.add_parser(name, help=summary))
    commands.add_parser(_HELP).add_argument("command", nargs="?", choices=tuple(COMMANDS))
    return parser


def _unknown_command(name: str) -> UsageError:
    near = suggest(name, (*COMMANDS, _HELP))
    hint = f"did you mean {near}?" if near else "see dcmseal --help"
    return UsageError(f"unknown command {name!r}", hint=hint)
