"""A policy of the configuration file: requirements on signatures, and a trust setup."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.config.config_table import ConfigTable
from dcmseal.config.key_setup import resolve_profile
from dcmseal.errors import UsageError
from dcmseal.policy.policy import Policy
from dcmseal.policy.rule import Rule, parse_covered_tag

ParsedT = TypeVar("ParsedT")


class PolicySetup(Struct, frozen=True, kw_only=True):
    """A policy, and the trust setup to verify with."""

    policy: Policy
    trust: str = ""
    """The name of the trust setup; empty if the policy names none."""


def read_policy(table: ConfigTable, folder: Path) -> PolicySetup | None:
    """The policy that a table defines, or None if it is unusable; file names are relative to the folder."""
    rules = tuple(_iter_values(table, "require", lambda text: _resolve_profiles(table, Rule.parse(text), folder)))
    covered = frozenset(_iter_values(table, "covered", parse_covered_tag))
    signatures = table.number("signatures")
    distinct, additions = table.flag("distinct-signers"), table.flag("no-unsigned-additions")
    timestamps, trust = table.flag("timestamps"), table.text("trust")
    table.report_unknown_keys()
    try:
        policy = Policy(
            rules=rules,
            covered=covered,
            signatures=signatures,
            distinct_signers=distinct,
            no_unsigned_additions=additions,
            timestamps=timestamps,
        )
    except UsageError as error:
        table.add_problem("", str(error), error.hint)
        return None
    return PolicySetup(policy=policy, trust=trust)


def _iter_values(table: ConfigTable, key: str, read: Callable[[str], ParsedT]) -> Iterator[ParsedT]:
    for text in table.texts(key):
        try:
            yield read(text)
        except UsageError as error:
            table.add_problem(key, str(error), error.hint)


def _resolve_profiles(table: ConfigTable, rule: Rule, folder: Path) -> Rule:
    """The rule, with the full paths of profile files."""
    names = (each for each in rule.profiles if isinstance(each, str))
    return replace(rule, profiles=tuple(resolve_profile(table, "require", each, folder) for each in names))
