"""Options for requirements: a policy of the configuration file, and additions to it."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.cli.completers import set_completer
from dcmseal.cli.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dcmseal.config.config_file import Config
    from dcmseal.config.policy_setup import PolicySetup
    from dcmseal.policy.rule import Rule


def add_policy_options(parser: Parser) -> None:
    """Add the options that require something of the signatures."""
    group = parser.add_argument_group("requirements (only valid signatures count)")
    action = group.add_argument("--policy", metavar="NAME", help="use [policies.NAME] of the configuration file")
    set_completer(action, make_name_completer(lambda config: config.policies))
    action = group.add_argument(
        "--require",
        metavar="RULE",
        action="append",
        default=[],
        help="require a signature that meets this profile, profile file (*.toml), or rule, such as "
        "'purpose:verification + signer:CN=Dr. Example'; parts of a rule: profile:NAME, purpose:NAME, signer:NAME, "
        "certificate:SHA256, covers:ELEMENTS, timestamp; can be repeated",
    )
    set_completer(action, _complete_rules)
    group.add_argument(
        "--require-covered",
        metavar="ELEMENTS",
        action="append",
        default=[],
        help="require that these elements are signed if present, such as PixelData,PatientID; can be repeated",
    )
    group.add_argument(
        "--require-signatures", metavar="N", type=_parse_positive, default=0, help="require at least N signatures"
    )
    group.add_argument(
        "--distinct-signers",
        action="store_true",
        help="require different signers; each rule must be met by a different one",
    )
    group.add_argument(
        "--no-unsigned-additions", action="store_true", help="require that the signatures together cover every element"
    )


def load_policy(options: Namespace) -> PolicySetup | None:
    """The policy of the configuration file with the requirements of the options; None if neither is given.

    Raises:
        UsageError: A requirement or the configuration file is invalid.
    """
    added = (options.require, options.require_covered, options.require_signatures)
    if options.policy is None and not any((*added, options.distinct_signers, options.no_unsigned_additions)):
        return None
    from msgspec.structs import replace

    from dcmseal.cli.options.tag_lists import parse_tags
    from dcmseal.config.policy_setup import PolicySetup
    from dcmseal.errors import UsageError
    from dcmseal.policy.policy import Policy
    from dcmseal.policy.rule import parse_covered_tag

    base = PolicySetup(policy=Policy())
    if options.policy is not None:
        from dcmseal.config.config_file import load_config

        base = load_config(options.config).policy_setup(options.policy)
    covered = parse_tags(options.require_covered)
    if options.require_covered and not covered:
        raise UsageError("no elements in --require-covered", hint="write, for example, PixelData,PatientID")
    named = base.policy
    policy = replace(
        named,
        rules=(*named.rules, *map(_parse_rule, options.require)),
        covered=named.covered.union(map(parse_covered_tag, covered)),
        signatures=max(named.signatures, options.require_signatures),
        distinct_signers=named.distinct_signers or options.distinct_signers,
        no_unsigned_additions=named.no_unsigned_additions or options.no_unsigned_additions,
    )
    return replace(base, policy=policy)


def _parse_positive(text: str) -> int:
    from argparse import ArgumentTypeError

    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _parse_rule(text: str) -> Rule:
    from dcmseal.errors import UsageError
    from dcmseal.policy.rule import Rule

    try:
        return Rule.parse(text)
    except UsageError as error:
        raise UsageError(f"--require {text}: {error}", hint=error.hint) from None


def make_name_completer(tables: Callable[[Config], Iterable[str]]) -> Callable[..., list[str]]:
    """Completes the names of tables of the configuration file."""

    def complete(parsed_args: Namespace, **_: object) -> list[str]:
        from dcmseal.config.config_file import examine_config
        from dcmseal.errors import SealError

        try:
            config, _problems = examine_config(parsed_args.config)
        except SealError:
            return []
        return [*tables(config)]

    return complete


def _complete_rules(parsed_args: Namespace, **_: object) -> list[str]:
    """The names of profiles, and what other rules start with."""
    from dcmseal.cli.options.site_profiles import complete_profile_names
    from dcmseal.terms import SignaturePurpose

    purposes = (f"purpose:{each.name.lower().replace('_', '-')}" for each in SignaturePurpose)
    return [
        *complete_profile_names(parsed_args),
        *purposes,
        "profile:",
        "signer:",
        "certificate:",
        "covers:",
        "timestamp",
    ]
