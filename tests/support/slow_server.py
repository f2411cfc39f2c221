"""Servers on the loopback that send their answer slowly and never finish it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import NamedTuple

_PAUSE = 0.03


class Drip(NamedTuple):
    """The bytes sent at once, and those that are then repeated."""

    first: bytes
    drop: bytes


_OK = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
DRIPS = {
    "silence": Drip(b"", b""),
    "status line": Drip(b"HTTP/1.1 200 ", b"O"),
    "header": Drip(_OK, b"x"),
    "headers": Drip(_OK, b"x: y\r\n"),
    "interim responses": Drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": Drip(_OK + b"Content-Length: 100000\r\n\r\n", b"x"),
    "body without length": Drip(_OK + b"\r\n", b"x"),
    "chunks": Drip(_CHUNKED, b"1\r\nx\r\n"),
    "chunk extension": Drip(_CHUNKED + b"1;", b"x"),
    "trailers": Drip(_CHUNKED + b"1\r\nx\r\n0\r\n", b"x: y\r\n"),
    "error's header": Drip(b"HTTP/1.1 404 Not Found\r\n", b"x"),
}
"""By the part of an answer that drips."""
HANDSHAKE = Drip(b"\x16\x03\x03\x3f\x00\x02\x00\x3e\xfc", b"\x00")
"""A ServerHello of TLS that does not come to its end (RFC 8446 4.1.3)."""


@contextmanager
def serve_slowly(drip: Drip) -> Generator[int]:
    """Serve it to every client; gives the port."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(5)
            connection.recv(1 << 16)
            connection.sendall(drip.first)
            while not stop.wait(_PAUSE):
                connection.sendall(drip.drop)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threads.append(threading.Thread(target=serve, args=(listener.accept()[0],)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for each in threads:
                each.join()
