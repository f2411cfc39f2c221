"""Contributes the storages of this package; imports nothing that reaches a network until one is used."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.storage import Storage


@hookimpl
def dcmseal_storages() -> Iterable[Storage]:
    """Contribute ``http`` and ``https``, and the schemes of fsspec that hold files."""
    from dcmseal_remote.storages import build_storages

    return build_storages()
