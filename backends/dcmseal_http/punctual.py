"""HTTP with a deadline for the whole of an answer, and without what urllib does beyond: no files, no redirections."""

from __future__ import annotations

import time
import urllib.request
from functools import partial
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from io import BufferedReader
from socket import socket
from typing import Any

from dcmseal.plugins.punctual import Punctual


class _Response(HTTPResponse):
    """A response that is over by a deadline, from the status line to the last trailer."""

    def __init__(self, sock: socket, *positional: Any, deadline: float, **named: Any) -> None:
        super().__init__(sock, *positional, **named)
        self.fp = BufferedReader(Punctual(self.fp.detach(), sock.settimeout, deadline))


class _Plain(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_connection, HTTPConnection), req)


class _Secure(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_connection, HTTPSConnection), req)


def opener() -> urllib.request.OpenerDirector:
    """What opens URLs of http and https, through the proxy that the environment names."""
    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Plain(),
        _Secure(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        director.add_handler(handler)
    return director


def _connection(kind: type[HTTPConnection], host: str, *, timeout: float, **named: Any) -> HTTPConnection:
    connection = kind(host, timeout=timeout, **named)
    connection.response_class = partial(_Response, deadline=time.monotonic() + timeout)  # type: ignore[assignment]
    return connection
