"""Files and folders that the configuration names: they are believed as it is, and so nobody else may write them."""

from __future__ import annotations

from pathlib import Path

from dcmseal.config.tables import ConfigTable
from dcmseal.plugins.ownership import find_foreign_writer


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
