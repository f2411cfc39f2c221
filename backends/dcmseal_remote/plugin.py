"""Contributes storages; imports nothing else until called."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.storage import Storage


@hookimpl
def dcmseal_storages() -> Iterable[Storage]:
    """Contribute ``http``, ``https`` and schemes of fsspec."""
    from dcmseal_remote.storages import build_storages

    return build_storages()
