"""The batch executor ``dask``, which runs work on an existing Dask cluster.

>>> DaskCluster().name
'dask'
"""

# Kept apart: imported only when the executor is needed, so that plugins are listed quickly.

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from dcmseal.errors import PluginError, UsageError
from dcmseal.version import __version__

if TYPE_CHECKING:
    from dcmseal_dask.resilient_executor import BoundedClient

_MAX_NAMED: Final = 3
"""Maximum number of workers that a message names."""


def local_versions() -> dict[str, str]:
    """Return the versions of this process that those of the workers must match."""
    return {"dcmseal": __version__, "Python": f"{sys.version_info.major}.{sys.version_info.minor}"}


def check_versions(client: BoundedClient) -> None:
    """Compare the versions of all current workers with those of this process.

    Raises:
        PluginError: They differ.
    """
    expected = local_versions()
    mismatches = [
        f"{address} has {problem}"
        for address, versions in sorted(client.run(local_versions, on_error="return").items())
        if (problem := _find_mismatch(versions, expected))
    ]
    if mismatches:
        more = f" (and {len(mismatches) - _MAX_NAMED} more)" if len(mismatches) > _MAX_NAMED else ""
        raise PluginError(
            f"workers have other versions: {'; '.join(mismatches[:_MAX_NAMED])}{more}",
            hint=f"install the same versions on all workers: pip install 'dcmseal[dask]=={__version__}'",
        )


def _find_mismatch(versions: object, expected: Mapping[str, str]) -> str:
    """Describe how the versions of a worker differ; empty if they do not."""
    if not isinstance(versions, dict):
        return "no usable dcmseal"
    wrong = {name: version for name, version in expected.items() if versions.get(name) != version}
    return ", ".join(f"{name} {versions.get(name)} instead of {version}" for name, version in wrong.items())


_CONNECT_TIMEOUT: Final = 30.0
"""Timeout in seconds for the scheduler, and for the first worker."""
_POLL_INTERVAL: Final = 0.1
"""Seconds between checks for a worker."""
_SCHEMES: Final = ("tcp://", "tls://", "ws://", "wss://", "ucx://", "inproc://")


class DaskCluster:
    """Connects to a scheduler: ``tcp://HOST:PORT``, ``tls://HOST:PORT``, or a scheduler file (``*.json``).

    For TLS, the certificates come from the configuration of Dask (``distributed.comm.tls``).
    """

    name: Final = "dask"
    summary: Final = "workers of a Dask cluster: dask:tcp://HOST:PORT, dask:tls://HOST:PORT, dask:SCHEDULER-FILE.json"

    def __init__(self, timeout: float = _CONNECT_TIMEOUT) -> None:
        self._timeout = timeout

    @contextmanager
    def open(self, address: str, jobs: int | None) -> Generator[Executor]:
        """Connect, and compare versions.

        Args:
            address: The address of the scheduler, or its scheduler file.
            jobs: The maximum number of chunks that the cluster gets at once.

        Raises:
            UsageError: The address is invalid.
            PluginError: The cluster cannot be reached, or has other versions.
        """
        client = self._open_client(address)
        try:
            from dcmseal_dask.resilient_executor import ResilientExecutor

            with self._translate_errors(address):
                self._wait_for_worker(client, address)
                check_versions(client)
                executor = ResilientExecutor(client, self._timeout, jobs)
            try:
                yield executor
            finally:
                executor.shutdown(cancel_futures=True)
        finally:
            client.close_quietly()

    def slots(self, executor: Executor) -> int:
        """Return the number of threads of all current workers, at most ``jobs``."""
        from dcmseal_dask.resilient_executor import ResilientExecutor

        return executor.slots() if isinstance(executor, ResilientExecutor) else 1

    def _open_client(self, address: str) -> BoundedClient:
        if not address:
            raise UsageError(
                "the address of the Dask scheduler is missing",
                hint="write dask:tcp://HOST:8786",
                code="executor-address-missing",
            )
        options: dict[str, str]
        if address.startswith(_SCHEMES):
            options = {"address": address}
        elif address.endswith(".json"):
            if not os.path.isfile(address):
                raise UsageError(f"the scheduler file {address} does not exist", hint="start the scheduler first")
            options = {"scheduler_file": address}
        else:
            raise UsageError(
                f"{address} is not the address of a Dask scheduler",
                hint="write tcp://HOST:8786, or name a scheduler file",
            )
        try:
            from dcmseal_dask.resilient_executor import BoundedClient
        except ImportError:
            raise PluginError(
                "the executor dask needs the package distributed", hint="pip install 'dcmseal[dask]'"
            ) from None
        with self._translate_errors(address):
            return BoundedClient(self._timeout, **options)

    def _wait_for_worker(self, client: BoundedClient, address: str) -> None:
        until = time.monotonic() + self._timeout
        while not client.nthreads():
            if time.monotonic() > until:
                raise PluginError(
                    f"the Dask scheduler at {address} has no workers", hint=f"start some: dask worker {address}"
                )
            time.sleep(_POLL_INTERVAL)

    @contextmanager
    def _translate_errors(self, address: str) -> Generator[None]:
        """Turn exceptions of Dask into PluginError; a peer with another protocol can cause any exception."""
        try:
            yield
        except PluginError:
            raise
        except TimeoutError:
            raise PluginError(
                f"the Dask scheduler at {address} did not respond within {self._timeout:g} s",
                hint="check the address, firewalls, and whether another service uses the port",
            ) from None
        except Exception as error:  # noqa: BLE001 - see above
            raise PluginError(
                f"the Dask scheduler at {address} cannot be reached: {type(error).__name__}",
                hint="check the address, and for tls:// the certificates in the configuration of Dask",
            ) from None
