"""Contributes the timestamp backend ``CMS_TSP``; imports nothing else until called."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.timestamp_backend import TimestampBackend


@hookimpl
def dcmseal_timestamp_backends() -> Iterable[TimestampBackend]:
    """Provide the timestamp backend ``CMS_TSP``."""
    from dcmseal_timestamp.cms_tsp import CmsTspBackend

    return (CmsTspBackend(),)
