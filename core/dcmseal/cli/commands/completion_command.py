"""``dcmseal completion``: prints a shell completion script."""

from __future__ import annotations

from argparse import Namespace

from dcmseal.cli.parser import Parser
from dcmseal.exit_codes import ExitCode

_EXAMPLES = """
  eval "$(dcmseal completion bash)"                                    in ~/.bashrc
  eval "$(dcmseal completion zsh)"                                     in ~/.zshrc, after compinit
  dcmseal completion fish > ~/.config/fish/completions/dcmseal.fish"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.describe(
        "SHELL", "Print the script that makes a shell complete commands, options and their values.", _EXAMPLES
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="shell")
    parser.add_json()


def run(options: Namespace) -> int:
    """Write the script."""
    from argcomplete.shell_integration import shellcode

    from dcmseal.cli.render.screens import make_document, write_json, write_line

    code = shellcode(["dcmseal"], shell=options.shell)
    if options.json:
        write_json(make_document("completion", shell=options.shell, code=code))
    else:
        write_line(code, end="")
    return ExitCode.OK
