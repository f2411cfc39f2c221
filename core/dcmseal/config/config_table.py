"""Tables of a configuration file: keys are read by name and type; all other keys are problems."""

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
_NOT_ALLOWED_MESSAGE: Final = "the configuration file must not contain a passphrase or PIN"
_NO_SECRETS_HINT: Final = (
    'write where to find it: pin-source = "env:VARIABLE", "file:PATH" or "keyring:SERVICE"; without pin-source, '
    "dcmseal prompts for it"
)


class ConfigTable:
    """A table and its path of keys."""

    def __init__(self, values: Mapping[str, object], keys: KeyPath, problems: ProblemCollector) -> None:
        self.keys = keys
        self._values = values
        self._problems = problems
        self._known: list[str] = []

    def add_problem(self, key: str, message: str, hint: str) -> None:
        """Add a problem with the value of a key, or with the table if the key is empty."""
        self._problems.add((*self.keys, key) if key else self.keys, message, hint)

    def text(self, key: str) -> str:
        """The text of a key; empty if it is missing or invalid."""
        self._known.append(key)
        value = self._values.get(key)
        return "" if value is None else self._check_text(key, value)

    def _check_text(self, key: str, value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            self.add_problem(key, "must be text in quotes", f'write {key} = "..."')
        elif "PRIVATE KEY-----" in value:
            self.add_problem(key, "contains a private key", "store the key in a file of its own, and name that file")
        elif _CONTROL.search(value):
            self.add_problem(key, "contains control characters or line breaks", "write it in one line")
        else:
            return value
        return ""

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts of a key, which is text or an array of texts."""
        self._known.append(key)
        value = self._values.get(key, [])
        values = cast("list[object]", value) if isinstance(value, list) else [value]
        return tuple(text for each in values if (text := self._check_text(key, each)))

    def all_texts(self) -> Iterator[tuple[str, str]]:
        """All keys of this table, with their texts: a plugin chooses the names."""
        for key in self._values:
            if is_secret_name(key):
                self.add_problem(key, _NOT_ALLOWED_MESSAGE, _NO_SECRETS_HINT)
            elif text := self.text(key):
                yield key, text

    def flag(self, key: str) -> bool:
        """Whether the key is true; False if it is missing or invalid."""
        self._known.append(key)
        value = self._values.get(key, False)
        if not isinstance(value, bool):
            self.add_problem(key, "must be true or false", f"write {key} = true")
            return False
        return value

    def number(self, key: str) -> int:
        """The whole number of a key; 0 if it is missing or invalid."""
        self._known.append(key)
        value = self._values.get(key, 0)
        if not isinstance(value, int) or isinstance(value, bool):
            self.add_problem(key, "must be a whole number", f"write {key} = 2")
            return 0
        return value

    def has(self, key: str) -> bool:
        """Whether the table has the key."""
        return key in self._values

    def table(self, key: str) -> ConfigTable | None:
        """The table of that name; None if it is missing or invalid."""
        self._known.append(key)
        return self._make_table(key) if key in self._values else None

    def tables(self) -> Iterator[tuple[str, ConfigTable]]:
        """All tables in this one, with their names, which users choose."""
        for key in self._values:
            self._known.append(key)
            if is_secret_name(key):
                self.add_problem(key, _NOT_ALLOWED_MESSAGE, _NO_SECRETS_HINT)
                continue
            table = self._make_table(key)
            if table is not None:
                yield key, table

    def report_unknown_keys(self) -> None:
        """Add a problem for every key that was not read."""
        for key in self._values:
            if key in self._known:
                continue
            if is_secret_name(key):
                self.add_problem(key, _NOT_ALLOWED_MESSAGE, _NO_SECRETS_HINT)
                continue
            near = get_close_matches(key.lower().replace("_", "-"), self._known, 1)
            meant = f"did you mean {near[0]}? " if near else ""
            what = "table" if isinstance(self._values[key], dict) else "key"
            self.add_problem(key, f"unknown {what}", f"{meant}use one of: {', '.join(self._known)}")

    def _make_table(self, key: str) -> ConfigTable | None:
        value = self._values[key]
        if isinstance(value, dict):
            return ConfigTable(cast("dict[str, object]", value), (*self.keys, key), self._problems)
        self.add_problem(key, "must be a table", f"write [{'.'.join((*self.keys, key))}], and its keys below it")
        return None


def resolve_file(table: ConfigTable, key: str, name: str, folder: Path) -> Path | None:
    """The path of a file or folder that a key names, relative to the folder of the configuration file.

    Add a problem if other users can write it. None if the name is empty.
    """
    if not name:
        return None
    path = folder / Path(name).expanduser()
    found = find_foreign_writer(path)
    if found:
        table.add_problem(key, found.message, found.hint)
    return path
