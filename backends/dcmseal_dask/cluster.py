"""The batch executor ``dask``: a Dask cluster that is there already, by the address of its scheduler.

>>> DaskCluster().name
'dask'
"""

from __future__ import annotations

import os
from collections.abc import Generator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from dcmseal.errors import PluginError, UsageError

if TYPE_CHECKING:
    from distributed import Client

_REACHING: Final = 30.0
"""Seconds within which scheduler and first worker have to be there."""
_SCHEMES: Final = ("tcp://", "tls://", "ws://", "wss://", "ucx://", "inproc://")


class DaskCluster:
    """Opens a client of a scheduler: ``tcp://HOST:PORT``, ``tls://HOST:PORT``, or its scheduler file (``*.json``).

    For TLS, Dask's own configuration names the certificates (``distributed.comm.tls``).
    """

    name: Final = "dask"
    summary: Final = "workers of a Dask cluster: dask:tcp://HOST:PORT, dask:tls://HOST:PORT, dask:SCHEDULER-FILE.json"

    def __init__(self, reaching: float = _REACHING) -> None:
        """``reaching`` is for how many seconds scheduler and workers are waited for."""
        self._reaching = reaching

    @contextmanager
    def open(self, address: str, jobs: int | None) -> Generator[Executor]:
        """Connect, and compare versions; raises UsageError for an address that is none, PluginError if it fails.

        ``jobs`` limits how many chunks are with the cluster at once.
        """
        client = self._client(address)
        try:
            from dcmseal_dask.patient import PatientExecutor
            from dcmseal_dask.versions import check_versions

            self._wait_for_worker(client, address)
            check_versions(client)
            executor = PatientExecutor(client, self._reaching, jobs)
            try:
                yield executor
            finally:
                executor.shutdown(cancel_futures=True)
        finally:
            client.close(timeout=self._reaching)

    def slots(self, executor: Executor) -> int:
        """Threads of all workers there are now, or as many as were asked for if that is less."""
        from dcmseal_dask.patient import PatientExecutor

        return executor.slots() if isinstance(executor, PatientExecutor) else 1

    def _client(self, address: str) -> Client:
        if not address:
            raise UsageError("the address of the Dask scheduler is not said", hint="--executor dask:tcp://HOST:8786")
        named: dict[str, str]
        if address.startswith(_SCHEMES):
            named = {"address": address}
        elif address.endswith(".json"):
            if not os.path.isfile(address):
                raise UsageError(f"there is no scheduler file {address}", hint="start the scheduler, and wait for it")
            named = {"scheduler_file": address}
        else:
            raise UsageError(
                f"{address} is no address of a Dask scheduler", hint="write tcp://HOST:8786, or name a scheduler file"
            )
        try:
            from distributed import Client
        except ImportError:
            raise PluginError(
                "the executor dask needs the package distributed", hint="pip install 'dcmseal[dask]'"
            ) from None
        try:
            return Client(**named, timeout=self._reaching, set_as_default=False, name="dcmseal")
        except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as error:
            raise PluginError(
                f"the Dask scheduler at {address} cannot be reached: {type(error).__name__}",
                hint="check the address, and for tls:// the certificates that Dask's configuration names",
            ) from None

    def _wait_for_worker(self, client: Client, address: str) -> None:
        try:
            client.wait_for_workers(1, timeout=self._reaching)
        except TimeoutError:
            raise PluginError(
                f"the Dask scheduler at {address} has no worker", hint=f"start some: dask worker {address}"
            ) from None
