"""``dcmseal config``: what the configuration file says, what it comes to on this machine, and what is wrong with it."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.cli.exit_codes import ExitCode
from dcmseal.cli.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmseal.cli.examining import ExaminedSetup
    from dcmseal.cli.examining_demands import ExaminedPolicy, ExaminedTrust
    from dcmseal.cli.output import Screen
    from dcmseal.config.loading import Config
    from dcmseal.config.problems import Problem
    from dcmseal.engine.json_values import Json

_DESCRIPTION = """\
Explain the configuration file. check: which file it is, what each setup of a key, of trust and each policy
comes to, whether plugins and files are there and can be read, and everything that is wrong, with the line.
path: where the file is, or would be."""
_EXAMPLES = """
  dcmseal config check
  dcmseal config check --open                      open each key as well, which may ask for its PIN
  dcmseal config check --config ./config.toml
  dcmseal config path"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.describe("check|path [options]", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("action", choices=("check", "path"), help="what to do")
    parser.add_argument("--open", action="store_true", help="check: open each key, and say whether it can sign")
    parser.add_config()
    parser.add_json()


def run(options: Namespace) -> int:
    """Explain; exit code 2 if something is wrong with the file, 6 if something that it names is not there."""
    if options.action == "path":
        return _path(options)
    from dcmseal.cli.examining import examined, plugins_with
    from dcmseal.cli.examining_demands import examined_policy, examined_trust
    from dcmseal.cli.output import screen, write_json
    from dcmseal.config.loading import examine_config

    config, problems = examine_config(options.config)
    plugins, wrong_profiles = plugins_with(config.profiles_folder)
    setups = [examined(setup, plugins, open_key=options.open) for setup in config.keys.values()]
    trust = [examined_trust(name, settings, plugins) for name, settings in config.trust.items()]
    policies = [examined_policy(name, setup, plugins) for name, setup in config.policies.items()]
    examined_all: tuple[ExaminedSetup | ExaminedTrust | ExaminedPolicy, ...] = (*setups, *trust, *policies)
    if options.json:
        write_json(_document(config, setups, trust, policies, problems, wrong_profiles))
    else:
        _show(config, examined_all, problems, wrong_profiles, screen())
    if problems:
        return ExitCode.USAGE
    missing = [*wrong_profiles, *(problem for each in examined_all for problem in each.problems)]
    return ExitCode.UNAVAILABLE if missing else ExitCode.OK


def _path(options: Namespace) -> int:
    import os

    from dcmseal.cli.output import document, screen, write_json
    from dcmseal.config.places import named_place, usual_place
    from dcmseal.errors import UsageError

    place = named_place(options.config) or usual_place()
    if place is None:
        raise UsageError("there is no home folder", hint="name the file with --config")
    path = os.path.abspath(place)
    if options.json:
        write_json(document("place", path=path, exists=os.path.exists(path)))
    else:
        screen().line(path)
    return ExitCode.OK


def _document(
    config: Config,
    setups: Sequence[ExaminedSetup],
    trust: Sequence[ExaminedTrust],
    policies: Sequence[ExaminedPolicy],
    problems: Sequence[Problem],
    wrong_profiles: Sequence[str],
) -> dict[str, Json]:
    from dcmseal.cli.output import document

    return document(
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
    setups: Sequence[ExaminedSetup | ExaminedTrust | ExaminedPolicy],
    problems: Sequence[Problem],
    wrong_profiles: Sequence[str],
    to: Screen,
) -> None:
    from dcmseal.cli.output import Tone, fields
    from dcmseal.cli.text import LONGEST_LINE, counted

    if config.path is None:
        to.line("there is no configuration file; 'dcmseal config path' says where it would be")
        return
    wrong = f"{counted(len(problems), 'problem')}, so that nothing in it is used" if problems else "understood"
    to.line(f"{config.path}: {wrong}", Tone.BAD if problems else Tone.GOOD)
    for each in problems:
        to.line(f"  {each}", Tone.BAD)
        fields(to, [("  hint", each.hint)])
    if config.profiles_folder is not None:
        fields(to, [("profiles in", str(config.profiles_folder))])
        fields(to, [("problem", problem) for problem in wrong_profiles], Tone.OPEN)
    for setup in setups:
        to.line()
        to.line(f"{setup.title}: {'not usable' if setup.problems else 'sound'}", setup.tone)
        fields(to, setup.fields(), longest=LONGEST_LINE)
        fields(to, [("problem", problem) for problem in setup.problems], Tone.OPEN)
