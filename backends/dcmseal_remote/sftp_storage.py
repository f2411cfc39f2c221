"""SFTP: servers must be in ``known_hosts``, and each range is one request."""

# Kept apart: one module for each kind of storage.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dcmseal_remote.fsspec_files import FsspecFiles

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_TIMEOUT: Final = 30


class SftpStorage(FsspecFiles):
    """``sftp://USER@HOST/PATH``; keys come from ``~/.ssh`` or the SSH agent."""

    def __init__(self, scheme: str) -> None:
        super().__init__(scheme, "paramiko")

    def options(self) -> dict[str, object]:
        """Verify the server, which fsspec does not do by default."""
        from dcmseal_remote.known_hosts import KnownHosts

        return {
            "host_key_policy": KnownHosts,
            **dict.fromkeys(("timeout", "banner_timeout", "auth_timeout", "channel_timeout"), _TIMEOUT),
        }

    def resolve(self, url: str) -> tuple[AbstractFileSystem, str]:
        fs, path = super().resolve(url)
        transport = fs.client.get_transport()
        if transport is None or not transport.is_active():
            # fsspec caches connections, even after they have ended
            type(fs).clear_instance_cache()
            fs, path = super().resolve(url)
        fs.ftp.get_channel().settimeout(_TIMEOUT)
        return fs, path

    def read(self, file: Any, start: int, end: int) -> bytes:
        return b"".join(file.readv([(start, end - start)]))
