"""Verifies SSH servers by ``~/.ssh/known_hosts``, like ``ssh``."""

# Kept apart: imports paramiko, which listing plugins must not do.

from __future__ import annotations

import os
from typing import Final

import paramiko

_KNOWN_HOSTS: Final = os.path.join("~", ".ssh", "known_hosts")


class KnownHosts(paramiko.MissingHostKeyPolicy):  # type: ignore[misc] # paramiko has no types
    """Rejects unknown servers, and servers with another key."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        path = os.path.expanduser(_KNOWN_HOSTS)
        known = paramiko.HostKeys(path if os.path.exists(path) else None)
        if not known.check(hostname, key):
            raise paramiko.BadHostKeyException(hostname, key, key)
