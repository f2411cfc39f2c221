"""Programs that the tokens need: run to their end, or kept running for as long as a context lasts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_PATIENCE: Final = 30.0
_PAUSE: Final = 0.05
_SBIN: Final = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where daemons are; not on everybody's PATH."""


class NotReady(Exception):
    """A program is missing, failed, or did not get ready."""


def find(name: str) -> str:
    """The path of a program; raises NotReady."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_SBIN}")
    if path is None:
        raise NotReady(f"{name} is not installed: run sh tools/token_packages.sh")
    return path


def run(*command: str | Path, env: Mapping[str, str] | None = None, seconds: float = 120) -> str:
    """Run a program to its end and return what it printed; raises NotReady if it fails."""
    done = subprocess.run(
        [find(str(command[0])), *map(str, command[1:])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | (env or {}),
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )
    if done.returncode:
        raise NotReady(f"{command[0]} failed with {done.returncode}:\n{done.stdout}")
    return done.stdout


@contextmanager
def running(
    *command: str | Path, log: Path, ready: Callable[[], bool], env: Mapping[str, str] | None = None
) -> Generator[None]:
    """Keep a program running, and always end it; raises NotReady unless it gets ready.

    It also ends if this process does: a driver may crash.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            [find("setpriv"), "--pdeathsig", "TERM", find(str(command[0])), *map(str, command[1:])],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | (env or {}),
            start_new_session=True,
        )
    try:
        wait_until(lambda: process.poll() is not None or ready(), f"{command[0]} is ready", log)
        if process.poll() is not None:
            raise NotReady(f"{command[0]} ended with {process.returncode}:\n{_text(log)}")
        yield
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it started: they are a group of their own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)


def wait_until(condition: Callable[[], bool], what: str, log: Path | None = None) -> None:
    """Return as soon as the condition holds; raises NotReady if it does not in half a minute."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise NotReady(f"waited in vain until {what}\n{_text(log) if log else ''}")
        time.sleep(_PAUSE)


def _text(log: Path) -> str:
    return log.read_text("utf-8", "replace")
