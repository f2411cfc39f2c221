"""The batch executor ``dask``: a Dask cluster that is there already, by the address of its scheduler.

>>> DaskCluster().name
'dask'
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from dcmseal.errors import PluginError, UsageError

if TYPE_CHECKING:
    from dcmseal_dask.resilient_executor import BoundedClient

_CONNECT_TIMEOUT: Final = 30.0
"""Seconds within which scheduler and first worker have to be there."""
_POLL_INTERVAL: Final = 0.1
"""Seconds from one look for a worker to the next."""
_SCHEMES: Final = ("tcp://", "tls://", "ws://", "wss://", "ucx://", "inproc://")


class DaskCluster:
    """Opens a client of a scheduler: ``tcp://HOST:PORT``, ``tls://HOST:PORT``, or its scheduler file (``*.json``).

    For TLS, Dask's own configuration names the certificates (``distributed.comm.tls``).
    """

    name: Final = "dask"
    summary: Final = "workers of a Dask cluster: dask:tcp://HOST:PORT, dask:tls://HOST:PORT, dask:SCHEDULER-FILE.json"

    def __init__(self, timeout: float = _CONNECT_TIMEOUT) -> None:
        """``timeout`` is for how many seconds scheduler and workers are waited for."""
        self._reaching = timeout

    @contextmanager
    def open(self, address: str, jobs: int | None) -> Generator[Executor]:
        """Connect, and compare versions; raises UsageError for an address that is none, PluginError if it fails.

        ``jobs`` limits how many chunks are with the cluster at once.
        """
        client = self._open_client(address)
        try:
            from dcmseal_dask.resilient_executor import ResilientExecutor
            from dcmseal_dask.version_check import check_versions

            with self._translate_errors(address):
                self._wait_for_worker(client, address)
                check_versions(client)
                executor = ResilientExecutor(client, self._reaching, jobs)
            try:
                yield executor
            finally:
                executor.shutdown(cancel_futures=True)
        finally:
            client.close_quietly()

    def slots(self, executor: Executor) -> int:
        """Threads of all workers there are now, or as many as were asked for if that is less."""
        from dcmseal_dask.resilient_executor import ResilientExecutor

        return executor.slots() if isinstance(executor, ResilientExecutor) else 1

    def _open_client(self, address: str) -> BoundedClient:
        if not address:
            raise UsageError(
                "the address of the Dask scheduler is missing",
                hint="executor='dask:tcp://HOST:8786'",
                code="executor-address-missing",
            )
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
            from dcmseal_dask.resilient_executor import BoundedClient
        except ImportError:
            raise PluginError(
                "the executor dask needs the package distributed", hint="pip install 'dcmseal[dask]'"
            ) from None
        with self._translate_errors(address):
            return BoundedClient(self._reaching, **named)

    def _wait_for_worker(self, client: BoundedClient, address: str) -> None:
        until = time.monotonic() + self._reaching
        while not client.nthreads():
            if time.monotonic() > until:
                raise PluginError(
                    f"the Dask scheduler at {address} has no worker", hint=f"start some: dask worker {address}"
                )
            time.sleep(_POLL_INTERVAL)

    @contextmanager
    def _translate_errors(self, address: str) -> Generator[None]:
        """Turn whatever Dask raises into PluginError; a peer that speaks something else makes it raise anything."""
        try:
            yield
        except PluginError:
            raise
        except TimeoutError:
            raise PluginError(
                f"the Dask scheduler at {address} does not answer within {self._reaching:g} s",
                hint="check the address, and that no firewall and no other service is there",
            ) from None
        except Exception as error:  # noqa: BLE001 - see above
            raise PluginError(
                f"the Dask scheduler at {address} cannot be reached: {type(error).__name__}",
                hint="check the address, and for tls:// the certificates that Dask's configuration names",
            ) from None
