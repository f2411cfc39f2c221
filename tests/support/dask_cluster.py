"""A Dask cluster on the loopback interface: scheduler and workers are processes of their own."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

_PATIENCE = 60.0


class Cluster:
    """A scheduler and its workers; use as a context manager. A scheduler that is started again keeps its port."""

    def __init__(
        self,
        folder: Path,
        *,
        options: Sequence[str] = (),
        protocol: str = "tcp",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._options = (*options, "--protocol", protocol)
        self._environment = environment
        self._port = _free_port()
        self.address = f"{protocol}://127.0.0.1:{self._port}"
        self.workers: list[subprocess.Popen[bytes]] = []
        self._scheduler: subprocess.Popen[bytes] | None = None
        self._started = 0

    def __enter__(self) -> Self:
        self.start_scheduler()
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.workers, self._scheduler):
            if process is not None:
                process.kill()
                process.wait()

    def start_scheduler(self) -> None:
        """Start the scheduler, and wait until it listens."""
        self._scheduler = self._start(
            "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(self._port), "--no-show"
        )
        deadline = time.monotonic() + _PATIENCE
        while not self._listens():
            assert self._scheduler.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def kill_scheduler(self) -> None:
        assert self._scheduler is not None
        self._scheduler.kill()
        self._scheduler.wait()

    def stop_scheduler(self) -> None:
        """Have it say nothing any more, while its connections stay."""
        assert self._scheduler is not None
        self._scheduler.send_signal(signal.SIGSTOP)

    def add_worker(self, *options: str) -> subprocess.Popen[bytes]:
        """Start a worker of one thread; the client waits for it, not this function."""
        worker = self._start(
            "distributed.cli.dask_worker",
            self.address,
            *("--nthreads", "1", "--nworkers", "1", "--no-nanny", "--host", "127.0.0.1"),
            *("--local-directory", str(self._folder), *options),
        )
        self.workers.append(worker)
        return worker

    def log(self) -> str:
        """The output of all processes."""
        return "\n".join(file.read_text("utf-8", "replace") for file in sorted(self._folder.glob("*.log")))

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        self._started += 1
        command = [sys.executable, "-m", module, *arguments, "--no-dashboard", *self._options]
        with (self._folder / f"{self._started}.log").open("wb") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, env=self._environment)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
