"""Contributes the backend of this package; imports nothing until it is asked."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.timestamping import TimestampBackend


@hookimpl
def dcmseal_timestamp_backends() -> Iterable[TimestampBackend]:
    """Contribute ``CMS_TSP``."""
    from dcmseal_timestamp.backend import CmsTspBackend

    return (CmsTspBackend(),)
