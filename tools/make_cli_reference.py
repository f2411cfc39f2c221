"""Write docs/reference/cli.md from the parsers of the command line.

    python tools/make_cli_reference.py

Run it after changing a command or an option. A test compares the result with the page in the repository.
"""

from __future__ import annotations

from argparse import SUPPRESS, Action
from collections.abc import Iterator
from pathlib import Path

from dcmseal.cli.main import COMMANDS, load_command
from dcmseal.cli.parser import Parser

TARGET = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"

_INTRODUCTION = """\
# Command line

<!-- Written by tools/make_cli_reference.py: change the commands, then run it. -->

A command line consists of `dcmseal COMMAND` and the arguments of the command, in any order. Write long options in full.
`dcmseal help COMMAND` or `dcmseal COMMAND --help` shows the same text for one command, and `dcmseal --version` prints
the version. `dcmseal --version -v` also prints the version of Python and which walker is in use.

- Where a file is expected, `-` means standard input or standard output.
- No file is overwritten without `--force` or `--in-place`. Results are written completely or not at all.
- `--json` writes one [JSON document](json.md) to standard output, also if the command fails.
- Errors go to standard error, with a hint that says what to do next. [Exit codes](exit-codes.md) lists the exit codes.
- Output is coloured on a terminal, and plain text elsewhere.

| Environment variable | Meaning |
|---|---|
| `DCMSEAL_KEY` | The [key URI](key-uris.md), or the name of a key setup, for `sign` without `--key`. |
| `DCMSEAL_CONFIG` | The [configuration file](../how-to/configure-keys.md), for commands without `--config`. |
| `DCMSEAL_COMPILED` | `no` turns the [compiled walker](../explanation/performance.md) off, `must` requires it. |
| `DCMSEAL_DEBUG` | `1` adds a traceback to errors. It may contain details that you do not want to share. |

| Command | What it does |
|---|---|
"""


def build_page() -> str:
    """Build the page."""
    rows = "".join(f"| [`{name}`](#{name}) | {_to_sentence(summary)} |\n" for name, summary in COMMANDS.items())
    return _INTRODUCTION + rows + "".join("\n" + "\n".join(_iter_section(name)) + "\n" for name in COMMANDS)


def _iter_section(name: str) -> Iterator[str]:
    parser = Parser(prog=f"dcmseal {name}")
    load_command(name).configure(parser)
    groups = [(group, _visible_actions(group._group_actions)) for group in parser._action_groups]  # noqa: SLF001 - argparse has no public list of groups
    yield from (f"## {name}", "", parser.description or "", "")
    yield from ("```text", parser.usage or "", "```", "")
    for group, actions in groups:
        if actions:
            yield from _iter_heading(group.title or "", group.description or "")
            yield from (
                f"| {_format_names(action)} | {_escape_cell(_to_sentence(action.help or ''))} |" for action in actions
            )
            yield ""
    yield from ("Examples", "", "```text")
    examples = (parser.epilog or "").partition("\n")[2].splitlines()
    yield from (line.removeprefix("  ") for line in examples)
    yield "```"


def _visible_actions(actions: list[Action]) -> list[Action]:
    return [action for action in actions if action.help != SUPPRESS and "--help" not in action.option_strings]


def _iter_heading(title: str, description: str) -> Iterator[str]:
    """The lines above a table; the default groups of argparse need no title."""
    if title not in ("positional arguments", "options"):
        yield from (f"**{_capitalize(title)}**" + (f": {description}." if description else ""), "")
    yield from (f"| {'Argument' if title == 'positional arguments' else 'Option'} | Meaning |", "|---|---|")


def _format_names(action: Action) -> str:
    value = "" if action.nargs == 0 else _format_metavar(action).replace("|", "\\|")
    return ", ".join(f"`{f'{name} {value}'.strip()}`" for name in action.option_strings or ("",))


def _format_metavar(action: Action) -> str:
    if action.choices is not None and action.metavar is None:
        return "|".join(map(str, action.choices))
    return str(action.metavar or action.dest.upper())


def _escape_cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _to_sentence(text: str) -> str:
    return _capitalize(text) + "."


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    TARGET.write_text(build_page(), encoding="utf-8", newline="\n")
