"""An SFTP server on the loopback (paramiko) that serves a folder to the owner of a key."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko
import pytest


@dataclass(frozen=True)
class SftpFolder:
    """A folder, and how its server is reached."""

    path: Path
    url: str
    home: Path
    """Where ``.ssh`` is."""
    transports: list[paramiko.Transport]
    """Connections, the newest last."""


@contextmanager
def sftp_server(folder: Path, home: Path) -> Generator[SftpFolder]:
    """Serve a folder; ``home`` becomes a home folder with the server's host key and the user's key."""
    host_key, user_key = paramiko.ECDSAKey.generate(), paramiko.ECDSAKey.generate()
    with socket.socket() as listening, pytest.MonkeyPatch.context() as patch:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        (home / ".ssh").mkdir()
        (home / ".ssh" / "known_hosts").write_text(
            f"[127.0.0.1]:{port} {host_key.get_name()} {host_key.get_base64()}\n"
        )
        user_key.write_private_key_file(str(home / ".ssh" / "id_ecdsa"))
        patch.setenv("HOME", str(home))
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        transports: list[paramiko.Transport] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                transport = paramiko.Transport(connection)
                transports.append(transport)
                transport.add_server_key(host_key)
                transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, str(folder))
                transport.start_server(server=_SftpAuthentication(user_key))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield SftpFolder(path=folder, url=f"sftp://reader@127.0.0.1:{port}", home=home, transports=transports)
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            for transport in transports:
                transport.close()


class _SftpAuthentication(paramiko.ServerInterface):  # type: ignore[misc] # paramiko has no types
    def __init__(self, key: paramiko.PKey) -> None:
        self._key = key

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> Any:
        allowed = username == "reader" and key.get_base64() == self._key.get_base64()
        return paramiko.AUTH_SUCCESSFUL if allowed else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> Any:
        return paramiko.OPEN_SUCCEEDED


class _Files(paramiko.SFTPServerInterface):  # type: ignore[misc] # paramiko has no types
    def __init__(self, server: paramiko.ServerInterface, folder: str) -> None:
        super().__init__(server)
        self._folder = folder

    def _real(self, path: str) -> str:
        return f"{self._folder}{self.canonicalize(path)}"

    def list_folder(self, path: str) -> Any:
        try:
            return [
                paramiko.SFTPAttributes.from_stat(entry.stat(), entry.name) for entry in os.scandir(self._real(path))
            ]
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(os.stat(self._real(path)))
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        try:
            descriptor = os.open(self._real(path), flags, 0o666)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
        handle = paramiko.SFTPHandle(flags)
        handle.readfile = handle.writefile = os.fdopen(descriptor, "wb" if flags & os.O_WRONLY else "rb")
        return handle

    def remove(self, path: str) -> Any:
        return _to_sftp_status(lambda: os.remove(self._real(path)))

    def posix_rename(self, oldpath: str, newpath: str) -> Any:
        return _to_sftp_status(lambda: os.replace(self._real(oldpath), self._real(newpath)))


def _to_sftp_status(action: Any) -> Any:
    try:
        action()
    except OSError as error:
        return paramiko.SFTPServer.convert_errno(error.errno)
    return paramiko.SFTP_OK
