"""The signing server: one process has the key, and workers send it what to sign.

A worker hashes, and sends the digest; the process that has the key signs one digest after the other. A device that
hashes messages itself receives them the same way. The server listens at a socket in a folder that other users cannot
enter, and clients authenticate with a random key. PIN and key never pass it.

>>> from dcmseal.plugins.registry import installed_registry
>>> with installed_registry().open_signer("pem:signer.key.pem?cert=signer.cert.pem", lambda _: None) as key:
...     with open_signing_server(key) as server, server.endpoint.open() as signer:
...         signer.key_type is key.key_type
True
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from tempfile import TemporaryDirectory
from threading import Lock, Thread
from typing import Final

from msgspec import Struct

from dcmseal import errors
from dcmseal.batch.results import SignerClosed
from dcmseal.errors import SealError, SignerError
from dcmseal.mac.digest import MacStream
from dcmseal.plugins.signer_backend import SignableMessage, Signer
from dcmseal.representation import format_fields
from dcmseal.terms import KeyType, MacAlgorithm

_SIGNED, _REFUSED, _CLOSED, _CONTENT = b"S", b"R", b"X", b"C"
_PIECE, _END, _BROKEN = b"P", b"E", b"B"
_MAX_MESSAGE_BYTES: Final = 1 << 24


class SigningEndpoint(Struct, frozen=True, kw_only=True):
    """The address of the server, and the key that it has. It can be pickled."""

    address: str
    authkey: bytes
    certificate_chain: tuple[bytes, ...]
    key_type: KeyType

    @contextmanager
    def open(self) -> Generator[Signer]:
        """Open a signer that uses the key of the server; raises SignerClosed if the server is closed."""
        try:
            connection = Client(self.address, "AF_UNIX", authkey=self.authkey)
        except (OSError, EOFError, AuthenticationError):
            raise _closed_error() from None
        with connection:
            yield _RemoteSigner(self, connection)

    def __repr__(self) -> str:
        return format_fields(self, hidden=("authkey",))


class _RemoteSigner:
    """A Signer whose key is at the other end of a connection."""

    def __init__(self, endpoint: SigningEndpoint, connection: Connection) -> None:
        self.certificate_chain = endpoint.certificate_chain
        self.key_type = endpoint.key_type
        self._connection = connection

    def sign(self, message: SignableMessage) -> bytes:
        """Sign; raises the errors of the key of the server, and SignerClosed if it can no longer be used."""
        try:
            return self._request_signature(message)
        except (OSError, EOFError):
            raise _closed_error() from None

    def _request_signature(self, message: SignableMessage) -> bytes:
        self._connection.send_bytes(message.algorithm.value.encode() + b"\0" + message.digest)
        while True:
            answer = self._connection.recv_bytes(_MAX_MESSAGE_BYTES)
            kind, content = answer[:1], answer[1:]
            if kind == _SIGNED:
                return content
            if kind == _REFUSED:
                raise _decode_error(content)
            if kind != _CONTENT:
                raise _closed_error()
            self._send_content(message)

    def _send_content(self, message: SignableMessage) -> None:
        try:
            for piece in message.chunks():
                self._connection.send_bytes(_PIECE + piece)
        except SealError:
            self._connection.send_bytes(_BROKEN)
            raise
        self._connection.send_bytes(_END)


class SigningServer:
    """Lets workers use an open key."""

    def __init__(self, signer: Signer, listener: Listener, endpoint: SigningEndpoint) -> None:
        self.endpoint = endpoint
        self._signer = signer
        self._listener = listener
        self._signing_lock = Lock()
        self._is_closed = False

    def close(self) -> None:
        """Refuse all further requests, without waiting for the current one."""
        self._is_closed = True

    def serve(self) -> None:
        """Accept workers, each served by its own thread, until the listener is closed."""
        while True:
            try:
                connection = self._listener.accept()
            except (AuthenticationError, EOFError, ConnectionError):
                continue  # not a worker
            except OSError:
                return
            Thread(target=self._serve_connection, args=(connection,), daemon=True).start()

    def _serve_connection(self, connection: Connection) -> None:
        with connection, suppress(OSError, EOFError, ValueError):
            while True:
                name, _, digest = connection.recv_bytes(1 << 10).partition(b"\0")
                algorithm = MacAlgorithm(name.decode("ascii"))
                if len(digest) != algorithm.digest_size:
                    return
                message = MacStream(algorithm=algorithm, digest=digest, read=lambda: _receive_content(connection))
                connection.send_bytes(self._sign_message(message))

    def _sign_message(self, message: SignableMessage) -> bytes:
        with self._signing_lock:
            if self._is_closed:
                return _CLOSED
            try:
                return _SIGNED + self._signer.sign(message)
            except _MessageUnavailable:
                return _CLOSED
            except SealError as error:
                # the next digest would have the same wrong PIN sent to the same card
                self._is_closed = True
                return _REFUSED + _encode_error(error)
            except BaseException as error:  # noqa: BLE001 - a thread has nobody to raise it to
                self._is_closed = True
                return _REFUSED + _encode_error(SignerError(f"the key failed with {type(error).__name__}"))


class _MessageUnavailable(Exception):
    """The worker cannot send the content of a message, and reports the reason itself."""


@contextmanager
def open_signing_server(signer: Signer) -> Generator[SigningServer]:
    """Start a server for an open key, as a context manager."""
    with TemporaryDirectory(prefix="dcmseal-") as folder:
        address, word = os.path.join(folder, "lane"), secrets.token_bytes(32)
        with Listener(address, "AF_UNIX", authkey=word) as listener:
            way = SigningEndpoint(
                address=address, authkey=word, certificate_chain=signer.certificate_chain, key_type=signer.key_type
            )
            lane = SigningServer(signer, listener, way)
            Thread(target=lane.serve, daemon=True).start()
            try:
                yield lane
            finally:
                lane.close()


def _receive_content(connection: Connection) -> Iterator[bytes]:
    connection.send_bytes(_CONTENT)
    while (piece := connection.recv_bytes(_MAX_MESSAGE_BYTES))[:1] == _PIECE:
        yield piece[1:]
    if piece != _END:
        raise _MessageUnavailable


def _closed_error() -> SignerClosed:
    return SignerClosed("not signed: the key cannot be used any more")


def _encode_error(error: SealError) -> bytes:
    known = next(each.__name__ for each in type(error).__mro__ if each.__module__ == SealError.__module__)
    return json.dumps([known, str(error), error.hint, error.code, dict(error.facts)]).encode()


def _decode_error(content: bytes) -> SealError:
    name, message, hint, code, facts = json.loads(content)
    kind = getattr(errors, name)
    if not issubclass(kind, SignerError):
        kind = SignerError
    error: SealError = kind(message, hint=hint, code=code, facts=facts)
    return error
