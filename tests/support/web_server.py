"""A web server on the loopback, with or without ranges, honest or not."""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

WebAnswer: TypeAlias = tuple[int, Mapping[str, str], bytes]
"""HTTP status, headers and body; ``Content-Length`` is added if it is not there, and left out if it is empty."""
Script: TypeAlias = Callable[["WebServer", str, Mapping[str, str]], WebAnswer]


@dataclass
class WebServer:
    """What the tests know of it."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[Mapping[str, str]] = field(default_factory=list)
    """Headers of each request."""
    script: Script | None = None
    """How requests are answered, if not as a web server should."""

    def put(self, name: str, data: bytes) -> str:
        """Put an object there, and begin to count; returns its URL."""
        self.objects = {f"/{name}": data}
        self.requests.clear()
        self.script = None
        return f"{self.url}/{name}"


def answer_honestly(server: WebServer, path: str, headers: Mapping[str, str]) -> WebAnswer:
    """As RFC 9110 has it."""
    data = server.objects.get(path)
    if data is None:
        return 404, {}, b""
    tag = f'"{sha256(data).hexdigest()}"'
    if headers.get("If-Match", tag) != tag:
        return 412, {}, b""
    asked = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("Range", ""))
    if not asked:
        return 200, {"ETag": tag}, data
    start, end = int(asked[1]), min(int(asked[2]) + 1, len(data))
    if start >= len(data):
        return 416, {}, b""
    return 206, {"ETag": tag, "Content-Range": f"bytes {start}-{end - 1}/{len(data)}"}, data[start:end]


def answer_without_ranges(server: WebServer, path: str, headers: Mapping[str, str]) -> WebAnswer:
    """All of it for every request."""
    return answer_honestly(server, path, {name: value for name, value in headers.items() if name != "Range"})


@contextmanager
def web_server(tls: ssl.SSLContext | None = None) -> Generator[WebServer]:
    """Run the server."""
    web = WebServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            web.requests.append(dict(self.headers))
            status, headers, body = (web.script or answer_honestly)(web, self.path, dict(self.headers))
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | dict(headers)).items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            # clients may close the connection early
            with suppress(ConnectionError):
                self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - a name that http.server requires

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        web.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()
