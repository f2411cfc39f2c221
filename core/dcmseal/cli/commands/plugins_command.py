"""``dcmseal plugins``: lists the installed plugins and their problems."""

from __future__ import annotations

from argparse import Namespace

from dcmseal.cli.parser import Parser
from dcmseal.exit_codes import ExitCode

_EXAMPLES = """
  dcmseal plugins
  dcmseal plugins --json"""
_HEADINGS = ("PLUGIN", "DISTRIBUTION", "VERSION", "CONTRIBUTES", "PROBLEM")


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.describe(
        "[--json]",
        "List the installed plugins and the walker in use. The exit code is 6 if a plugin has a problem.",
        _EXAMPLES,
    )
    parser.add_json()


def run(options: Namespace) -> int:
    """List; exit code 6 if any plugin has a problem."""
    from dcmseal.cli.render.screens import make_screen, write_json
    from dcmseal.plugins.registry import installed_registry
    from dcmseal.walker.compiled import describe_walker

    plugins = installed_registry().plugins()
    if options.json:
        from dcmseal.documents.document_builders import plugins_document

        write_json(plugins_document(plugins))
    else:
        rows = [
            (each.name, each.distribution, each.version, " ".join(each.contributes), each.problem) for each in plugins
        ]
        screen = make_screen()
        screen.table(_HEADINGS, rows)
        screen.line()
        screen.line(f"walker: {describe_walker()}")
    return ExitCode.UNAVAILABLE if any(each.problem for each in plugins) else ExitCode.OK
