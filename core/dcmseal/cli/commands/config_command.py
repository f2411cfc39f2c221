"""``dcmseal config``: checks the configuration file, and the files and plugins that it names."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.cli.parser import Parser
from dcmseal.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmseal.cli.render.screens import Screen
    from dcmseal.cli.run.config_check import KeyCheck, PolicyCheck, TrustCheck
    from dcmseal.config.config_file import Config
    from dcmseal.config.config_problems import ConfigProblem
    from dcmseal.documents.json_types import Json

_DESCRIPTION = """\
Check the configuration file.
check: show every key, trust setup and policy of the file, and all problems, with their lines.
path: print the path of the file, which need not exist."""
_EXAMPLES = """
  dcmseal config check
  dcmseal config check --open                      also open each key; can prompt for its PIN
  dcmseal config check --config ./config.toml
  dcmseal config path"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.describe("check|path [options]", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("action", choices=("check", "path"), help="action")
    parser.add_argument("--open", action="store_true", help="check: also open each key")
    parser.add_config()
    parser.add_json()


def run(options: Namespace) -> int:
    """Check or explain; exit code 2 for an error in the file, 6 if something that it names is unavailable."""
    if options.action == "path":
        return _show_path(options)
    from dcmseal.cli.render.screens import make_screen, write_json
    from dcmseal.cli.run.config_check import examine_key_setup, examine_policy, examine_trust, load_plugins
    from dcmseal.config.config_file import examine_config

    config, problems = examine_config(options.config)
    plugins, wrong_profiles = load_plugins(config.profiles_folder)
    setups = [examine_key_setup(setup, plugins, open_key=options.open) for setup in config.keys.values()]
    trust = [examine_trust(name, settings, plugins) for name, settings in config.trust.items()]
    policies = [examine_policy(name, setup, plugins) for name, setup in config.policies.items()]
    examined_all: tuple[KeyCheck | TrustCheck | PolicyCheck, ...] = (*setups, *trust, *policies)
    if options.json:
        write_json(_build_document(config, setups, trust, policies, problems, wrong_profiles))
    else:
        _show(config, examined_all, problems, wrong_profiles, make_screen())
    if problems:
        return ExitCode.USAGE
    missing = [*wrong_profiles, *(problem for each in examined_all for problem in each.problems)]
    return ExitCode.UNAVAILABLE if missing else ExitCode.OK


def _show_path(options: Namespace) -> int:
    import os

    from dcmseal.cli.render.screens import make_document, make_screen, write_json
    from dcmseal.config.config_file import default_path, explicit_path
    from dcmseal.errors import UsageError

    place = explicit_path(options.config) or default_path()
    if place is None:
        raise UsageError("cannot find the home folder", hint="specify --config FILE")
    path = os.path.abspath(place)
    if options.json:
        write_json(make_document("configuration-path", path=path, exists=os.path.exists(path)))
    else:
        make_screen().line(path)
    return ExitCode.OK


def _build_document(
    config: Config,
    setups: Sequence[KeyCheck],
    trust: Sequence[TrustCheck],
    policies: Sequence[PolicyCheck],
    problems: Sequence[ConfigProblem],
    wrong_profiles: Sequence[str],
) -> dict[str, Json]:
    from dcmseal.cli.render.screens import make_document

    return make_document(
        "configuration",
        path="" if config.path is None else str(config.path),
        profiles_folder="" if config.profiles_folder is None else str(config.profiles_folder),
        profile_problems=[*wrong_profiles],
        keys=[each.document() for each in setups],
        trust=[each.document() for each in trust],
        policies=[each.document() for each in policies],
        problems=[
            {"line": each.line or None, "where": each.where, "message": each.message, "hint": each.hint}
            for each in problems
        ],
    )


def _show(
    config: Config,
    setups: Sequence[KeyCheck | TrustCheck | PolicyCheck],
    problems: Sequence[ConfigProblem],
    wrong_profiles: Sequence[str],
    to: Screen,
) -> None:
    from dcmseal.cli.render.screens import write_fields
    from dcmseal.cli.render.text_layout import MAX_LINE, format_count
    from dcmseal.cli.render.tone import Tone

    if config.path is None:
        to.line("no configuration file; 'dcmseal config path' prints where to create it")
        return
    wrong = f"{format_count(len(problems), 'problem')}; the file is not used" if problems else "valid"
    to.line(f"{config.path}: {wrong}", Tone.BAD if problems else Tone.GOOD)
    for each in problems:
        to.line(f"  {each}", Tone.BAD)
        write_fields(to, [("  hint", each.hint)])
    if config.profiles_folder is not None:
        write_fields(to, [("profiles in", str(config.profiles_folder))])
        write_fields(to, [("problem", problem) for problem in wrong_profiles], Tone.OPEN)
    for setup in setups:
        to.line()
        to.line(f"{setup.title}: {'not usable' if setup.problems else 'usable'}", setup.tone)
        write_fields(to, setup.fields(), longest=MAX_LINE)
        write_fields(to, [("problem", problem) for problem in setup.problems], Tone.OPEN)
