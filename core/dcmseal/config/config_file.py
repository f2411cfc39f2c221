"""Reading the configuration file.

>>> from pathlib import Path
>>> from dcmseal import load_config, sign
>>> _ = Path("config.toml").write_text('''
... [keys.reading-room]
... uri = "pem:signer.key.pem"
... cert = "signer.cert.pem"
... purpose = "verification"
... ''')
>>> Path("config.toml").chmod(0o600)
>>> setup = load_config("config.toml").key_setup("reading-room")
>>> sign("image.dcm", key=setup.uri, secrets=setup.secrets, purpose=setup.purpose).signature.purpose.meaning
'Verification Signature'
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from msgspec import Struct, field

from dcmseal.config.config_problems import ConfigProblem, ProblemCollector
from dcmseal.config.config_table import ConfigTable, resolve_file
from dcmseal.config.key_setup import KeySetup, read_key_setup
from dcmseal.config.policy_setup import PolicySetup, read_policy
from dcmseal.config.trust_setup import read_trust
from dcmseal.errors import UsageError
from dcmseal.plugins.ownership import find_foreign_writer
from dcmseal.plugins.trust import TrustSettings
from dcmseal.text import MAX_TOML_BYTES, load_text, parse_toml

CONFIG_VARIABLE: Final = "DCMSEAL_CONFIG"
_RELATIVE_PATH: Final = Path("dcmseal", "config.toml")


def default_path(platform: str = sys.platform) -> Path | None:
    """The default path of the file; None if the user has no home folder.

    The folder is ``$XDG_CONFIG_HOME``, if that is absolute (XDG Base Directory Specification). Otherwise it is
    ``%APPDATA%`` on Windows, ``~/Library/Application Support`` on macOS, and ``~/.config`` elsewhere.
    """
    chosen = os.environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(chosen):
        return Path(chosen, _RELATIVE_PATH)
    if platform == "win32":
        roaming = os.environ.get("APPDATA", "")
        return Path(roaming, _RELATIVE_PATH) if roaming else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ("Library/Application Support" if platform == "darwin" else ".config") / _RELATIVE_PATH


def explicit_path(given: str | os.PathLike[str] | None) -> Path | None:
    """The file that the caller or ``$DCMSEAL_CONFIG`` names; None if neither does."""
    name = given if given is not None else os.environ.get(CONFIG_VARIABLE) or None
    return None if name is None else Path(name).expanduser()


Setup = TypeVar("Setup")


class Config(Struct, frozen=True, kw_only=True):
    """The contents of a configuration file."""

    path: Path | None = None
    """The file; None without a configuration file."""
    keys: Mapping[str, KeySetup] = field(default_factory=dict[str, KeySetup])
    """The keys by name."""
    trust: Mapping[str, TrustSettings] = field(default_factory=dict[str, TrustSettings])
    """The trust setups by name."""
    policies: Mapping[str, PolicySetup] = field(default_factory=dict[str, PolicySetup])
    """The policies by name."""
    profiles_folder: Path | None = None
    """The folder with the site's own Digital Signature Profiles."""

    def key_setup(self, name: str) -> KeySetup:
        """The key of that name; raises UsageError if it is not defined."""
        if name in self.keys:
            return self.keys[name]
        from difflib import get_close_matches

        if self.path is None:
            place = explicit_path(None) or default_path()
            raise UsageError(
                f"{name!r} is not a key URI, and no configuration file defines keys",
                hint=f"write SCHEME:PATH, such as pem:key.pem?cert=cert.pem, or define [keys.{name}] in {place}",
            )
        near = get_close_matches(name, self.keys, 1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"{name!r} is not a key URI, and {self.path} has no [keys.{name}]",
            hint=f"{meant}keys in the file: {', '.join(self.keys) or 'none'}; a key URI has the form SCHEME:PATH",
        )

    def trust_setup(self, name: str) -> TrustSettings:
        """The trust setup of that name; raises UsageError if it is not defined."""
        return self._find_setup(name, self.trust, "trust", "trust setup")

    def policy_setup(self, name: str) -> PolicySetup:
        """The policy of that name, with its trust setup; raises UsageError if it is not defined."""
        return self._find_setup(name, self.policies, "policies", "policy")

    def _find_setup(self, name: str, setups: Mapping[str, Setup], table: str, what: str) -> Setup:
        if name in setups:
            return setups[name]
        place = self.path or explicit_path(None) or default_path()
        raise UsageError(
            f"unknown {what} {name!r}",
            hint=f"defined: {', '.join(setups) or 'none'}; to add it, write [{table}.{name}] in {place}",
        )


def load_config(path: str | os.PathLike[str] | None = None) -> Config:
    """Read a configuration file, in TOML 1.0.

    Args:
        path: The file; by default ``$DCMSEAL_CONFIG`` or, if that is not set, ``~/.config/dcmseal/config.toml``
            (or in ``$XDG_CONFIG_HOME``; ``%APPDATA%`` on Windows, ``~/Library/Application Support`` on macOS).

    Returns:
        The configuration; empty if the default file does not exist.

    Raises:
        UsageError: The file cannot be read, has unknown or invalid keys, or can be written by other users.
    """
    config, problems = examine_config(path)
    if problems:
        more = len(problems) - 1
        raise UsageError(
            f"{config.path}, {problems[0]}" + (f" (and {more} more)" if more else ""),
            hint=problems[0].hint,
            code="config-problems" if more else "",
        )
    return config


def examine_config(path: str | os.PathLike[str] | None = None) -> tuple[Config, tuple[ConfigProblem, ...]]:
    """The usable part of the file, and all its problems.

    Raises:
        UsageError: The file cannot be read, is not TOML, or can be written by other users.
    """
    named = explicit_path(path)
    place = named or default_path()
    if place is None or (named is None and not place.exists()):
        return Config(), ()
    place = Path(os.path.abspath(place))
    text = load_text(
        place,
        MAX_TOML_BYTES,
        hint=f"check the path, the environment variable {CONFIG_VARIABLE} and the file's permissions",
        check_status=lambda status: _check_writers(place, status),
    )
    problems = ProblemCollector(text)
    root = ConfigTable(parse_toml(text, os.fspath(place), error=UsageError), (), problems)
    config = _read_config(place, root)
    root.report_unknown_keys()
    return config, problems.sorted_by_line()


def _read_config(place: Path, root: ConfigTable) -> Config:
    """Read all tables that a configuration file can have."""
    keys: dict[str, KeySetup] = {}
    setups = root.table("keys")
    for name, table in setups.tables() if setups else ():
        setup = read_key_setup(name, table, place.parent)
        if setup:
            keys[name] = setup
    trust: dict[str, TrustSettings] = {}
    trusted = root.table("trust")
    for name, table in trusted.tables() if trusted else ():
        trust[name] = read_trust(table, place.parent)
    policies: dict[str, PolicySetup] = {}
    demanded = root.table("policies")
    for name, table in demanded.tables() if demanded else ():
        policy = read_policy(table, place.parent)
        if policy and policy.trust and policy.trust not in trust:
            table.add_problem("trust", "unknown trust setup", f"use one of: {', '.join(trust) or '(none defined)'}")
        elif policy:
            policies[name] = policy
    profiles = root.table("profiles")
    folder = resolve_file(profiles, "folder", profiles.text("folder"), place.parent) if profiles else None
    if profiles:
        profiles.report_unknown_keys()
    return Config(
        path=place,
        keys=MappingProxyType(keys),
        trust=MappingProxyType(trust),
        policies=MappingProxyType(policies),
        profiles_folder=folder,
    )


def _check_writers(place: Path, status: os.stat_result) -> None:
    """Refuse a file that other users can write: it names the driver that is loaded and receives the PIN."""
    found = find_foreign_writer(place, status)
    if found:
        raise UsageError(f"{found.message} and could redirect your PIN", hint=found.hint)
