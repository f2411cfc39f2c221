"""Work done by an ordinary user, in tests that root runs."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

NOBODY = 65534
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")


def as_user(folder: Path, action: Callable[[], object], uid: int = NOBODY, gid: int = NOBODY) -> str:
    """Run an action as a user in a folder, and return the text of its result or error."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            # the folders above need not be open to the user
            os.chdir(folder)
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            text = str(action())
        except BaseException as error:  # noqa: BLE001 - reported to the parent process
            text = f"{type(error).__name__}: {error}"
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        return answer.read()


def access_list(owner: int, group: int, others: int, *, mask: int, users: Iterable[tuple[int, int]]) -> bytes:
    """A POSIX access control list in the format of system.posix_acl_access; ``users`` are uids and rights."""
    entries = [(0x01, owner, -1), *((0x02, rights, uid) for uid, rights in users)]
    entries += [(0x04, group, -1), (0x10, mask, -1), (0x20, others, -1)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
