"""Temporary files, which get their final name when they are complete. Those of dead processes are removed.

Their names contain the host and process that write them. The process keeps them locked while it lives; if the file
system does not support locks, the name decides.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from functools import cache
from hashlib import sha256
from typing import Final, NamedTuple

from dcmseal.output.flock import lock_exclusively
from dcmseal.output.folder import Folder

_MAX_STEM_BYTES: Final = 32
"""The number of bytes of the final name in a temporary name, so that it is never too long."""
_NAME: Final = re.compile(r"\..*\.(?P<host>[0-9a-f]{8})-(?P<pid>[0-9]{1,10})-[0-9a-f]{8}\.tmp", re.DOTALL)
_LOCK: Final = re.compile(r"\..*\.[0-9a-f]{16}\.tmp", re.DOTALL)
_ATTEMPTS: Final = 100


class TemporaryFile(NamedTuple):
    """A temporary file that this process has opened, and locked if possible."""

    name: str
    descriptor: int
    status: os.stat_result


def is_temporary(name: str) -> bool:
    """Whether the name is that of a temporary file or lock file of this program."""
    return name.endswith(".tmp") and bool(_NAME.fullmatch(name) or _LOCK.fullmatch(name))


def truncate_name(name: str) -> str:
    """Return the start of a name, for use in another one."""
    return os.fsencode(name)[:_MAX_STEM_BYTES].decode("utf-8", "ignore")


def make_temporary(folder: Folder, name: str, mode: int) -> TemporaryFile:
    """Create a temporary file for a final name; raises OSError."""
    for _ in range(_ATTEMPTS):
        temporary = f".{truncate_name(name)}.{_host_id()}-{os.getpid()}-{secrets.token_hex(4)}.tmp"
        descriptor = folder.create(temporary, mode)
        with suppress(OSError):
            lock_exclusively(descriptor)
        status = os.fstat(descriptor)
        if status.st_nlink:
            return TemporaryFile(temporary, descriptor, status)
        # another process that cleans up removed the file before it was locked
        os.close(descriptor)
    raise FileExistsError(f"temporary files for {name} are repeatedly removed")


def remove_leftovers(path: str) -> None:
    """Remove the temporary files of dead processes from a folder, if possible."""
    with suppress(OSError), Folder.open(path) as folder:
        for name in os.listdir(folder.descriptor):
            match = _NAME.fullmatch(name) if name.endswith(".tmp") else None
            if match is not None:
                with suppress(OSError):
                    _remove_if_dead(folder, name, match)


def _remove_if_dead(folder: Folder, name: str, match: re.Match[str]) -> None:
    descriptor = folder.open_file(name)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return
        try:
            lock_exclusively(descriptor)
        except BlockingIOError:
            return
        except OSError:
            if match["host"] != _host_id() or _is_alive(int(match["pid"])):
                return
        folder.remove(name)
    finally:
        os.close(descriptor)


@cache
def _host_id() -> str:
    return sha256(os.fsencode(os.uname().nodename)).hexdigest()[:8]


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
