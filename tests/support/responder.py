"""A responder on this machine with a given answer for each path: also slow, endless and invalid ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Responder:
    """Answers each path with bytes, and records the requests."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.asked.append(handler.path)
        content = self.answers.get(handler.path)
        if callable(content):
            content(handler)
        elif content is None:
            handler.send_error(404)
        else:
            handler.send_response(200)
            handler.end_headers()
            handler.wfile.write(content)


@contextmanager
def serving(responder: Responder) -> Iterator[Responder]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            responder.answer(self)

        do_POST = do_GET  # noqa: N815 - a name that http.server requires

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            responder.url = f"http://127.0.0.1:{server.server_port}"
            yield responder
        finally:
            server.shutdown()
            thread.join()


def wait(handler: BaseHTTPRequestHandler) -> None:
    """Says nothing until the other side gives up."""
    handler.connection.settimeout(5)
    handler.connection.recv(1)


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(bytes(1 << 12))
    except OSError:
        return


def redirect(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "file:///etc/passwd")
    handler.end_headers()


def babble(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\xff\xfe no HTTP\r\n\r\n")


def drop_by_drop(piece: bytes, first: bytes = b"HTTP/1.1 200 OK\r\n") -> Callable[[BaseHTTPRequestHandler], None]:
    """Sends a little, never late, and without end."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(first)
        try:
            while True:
                handler.wfile.write(piece)
                time.sleep(0.05)
        except OSError:
            return

    return answer


SLOWLY = {
    "header": drop_by_drop(b"x"),
    "interim": drop_by_drop(b"HTTP/1.1 100 Continue\r\n\r\n", b""),
    "chunk": drop_by_drop(b"1\r\nx\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "trailer": drop_by_drop(b"x: y\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"),
}
