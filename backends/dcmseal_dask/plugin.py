"""Contributes ``dask``; imports nothing else until called."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.executor import BatchExecutor
from dcmseal.plugins.hookspecs import hookimpl


@hookimpl
def dcmseal_batch_executors() -> Iterable[BatchExecutor]:
    """Contribute ``dask``."""
    from dcmseal_dask.cluster import DaskCluster

    return (DaskCluster(),)
