"""Tables of a configuration file: each key is asked for by name and kind, and what nobody asked for is a problem."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final, cast

from dcmseal.config.config_problems import KeyPath, ProblemCollector
from dcmseal.plugins.key_uri import is_secret_name
from dcmseal.plugins.ownership import find_foreign_writer

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NO_SECRETS_HINT: Final = (
    'this file never holds a passphrase or PIN: say where it is, with pin-source = "env:VARIABLE", "file:PATH" or '
    '"keyring:SERVICE"; without it, you are asked'
)


class ConfigTable:
    """A table, and the names that lead to it."""

    def __init__(self, values: Mapping[str, object], keys: KeyPath, problems: ProblemCollector) -> None:
        self.keys = keys
        self._values = values
        self._problems = problems
        self._known: list[str] = []

    def add_problem(self, key: str, message: str, hint: str) -> None:
        """Note what is wrong with the value of a key, or with the table if the key is empty."""
        self._problems.add((*self.keys, key) if key else self.keys, message, hint)

    def text(self, key: str) -> str:
        """The text of a key; empty if there is none, or none that can be used."""
        self._known.append(key)
        value = self._values.get(key)
        return "" if value is None else self._check_text(key, value)

    def _check_text(self, key: str, value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            self.add_problem(key, "it has to be a text in quotes", f'write {key} = "..."')
        elif "PRIVATE KEY-----" in value:
            self.add_problem(key, "it holds a private key", "put the key into a file of its own, and name that")
        elif _CONTROL.search(value):
            self.add_problem(key, "it has control characters or line breaks in it", "write it in one line")
        else:
            return value
        return ""

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts of a key, of which there may be one or several."""
        self._known.append(key)
        value = self._values.get(key, [])
        values = cast("list[object]", value) if isinstance(value, list) else [value]
        return tuple(text for each in values if (text := self._check_text(key, each)))

    def all_texts(self) -> Iterator[tuple[str, str]]:
        """All that is in this table, which holds nothing but texts with names that a plugin chooses."""
        for key in self._values:
            if is_secret_name(key):
                self.add_problem(key, "a passphrase or PIN has no place here", _NO_SECRETS_HINT)
            elif text := self.text(key):
                yield key, text

    def flag(self, key: str) -> bool:
        """Whether the key is there and true."""
        self._known.append(key)
        value = self._values.get(key, False)
        if not isinstance(value, bool):
            self.add_problem(key, "it has to be true or false", f"write {key} = true")
            return False
        return value

    def number(self, key: str) -> int:
        """The number of a key, which counts something; 0 if there is none."""
        self._known.append(key)
        value = self._values.get(key, 0)
        if not isinstance(value, int) or isinstance(value, bool):
            self.add_problem(key, "it has to be a number", f"write {key} = 2")
            return 0
        return value

    def has(self, key: str) -> bool:
        """Whether the key is there, whatever its value."""
        return key in self._values

    def table(self, key: str) -> ConfigTable | None:
        """The table of that name, if there is one."""
        self._known.append(key)
        return self._make_table(key) if key in self._values else None

    def tables(self) -> Iterator[tuple[str, ConfigTable]]:
        """All that is in this table, which holds nothing but tables with names that users choose."""
        for key in self._values:
            self._known.append(key)
            if is_secret_name(key):
                self.add_problem(key, "a passphrase or PIN has no place here", _NO_SECRETS_HINT)
                continue
            table = self._make_table(key)
            if table is not None:
                yield key, table

    def report_unknown_keys(self) -> None:
        """Note every key that nobody asked for."""
        for key in self._values:
            if key in self._known:
                continue
            if is_secret_name(key):
                self.add_problem(key, "a passphrase or PIN has no place here", _NO_SECRETS_HINT)
                continue
            near = get_close_matches(key.lower().replace("_", "-"), self._known, 1)
            meant = f"did you mean {near[0]}? " if near else ""
            self.add_problem(key, "there is no such key or table", f"{meant}known here are: {', '.join(self._known)}")

    def _make_table(self, key: str) -> ConfigTable | None:
        value = self._values[key]
        if isinstance(value, dict):
            return ConfigTable(cast("dict[str, object]", value), (*self.keys, key), self._problems)
        self.add_problem(key, "it has to be a table", f"write [{'.'.join((*self.keys, key))}], and its keys below")
        return None


def resolve_file(table: ConfigTable, key: str, name: str, folder: Path) -> Path | None:
    """The whole path of a file or folder that a key names, relative to the folder of the configuration.

    It is a problem if another user could have written it. None if the name is empty.
    """
    if not name:
        return None
    path = folder / Path(name).expanduser()
    found = find_foreign_writer(path)
    if found:
        table.add_problem(key, found.message, found.hint)
    return path
