"""The plugin that provides the timestamp backend ``CMS_TSP``, imported only when it is needed."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.timestamp_backend import TimestampBackend


@hookimpl
def dcmseal_timestamp_backends() -> Iterable[TimestampBackend]:
    """Provide the timestamp backend ``CMS_TSP``."""
    from dcmseal_timestamp.cms_tsp import CmsTspBackend

    return (CmsTspBackend(),)
