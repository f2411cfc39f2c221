"""One request and its answer over HTTP (RFC 9110), within a deadline for all of it; and trying again.

Beyond what is asked for, nothing is done: no redirection is followed, so that neither request nor login reaches a
server that nobody named; and this machine is never asked through a proxy, which would be told the login in clear, and
would look for the server on its own machine.
"""

from __future__ import annotations

import base64
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import BufferedReader
from socket import socket
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from dcmseal_http.deadline import Deadline, DeadlineReader
from dcmseal_http.http_urls import is_confidential, is_loopback, parse_url

T = TypeVar("T")

_BUSY: Final = frozenset({408, 429, 500, 502, 503, 504})
_CHUNK_SIZE: Final = 1 << 16
_PAUSE: Final = 0.2
_MAX_DOUBLINGS: Final = 5


class TemporaryFailure(Exception):
    """The server may be asked again; the message is made of our words only."""


class HttpStatus(Exception):
    """The server answers with a status that is neither success nor says that it is busy."""

    def __init__(self, code: int, headers: Message) -> None:
        super().__init__(f"HTTP status {code}")
        self.code = code
        self.headers = headers


class BodyTooLarge(Exception):
    """The body has more bytes than are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """What a server is asked; with a body it is a POST, else a GET."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    login: str = field(default="", repr=False)
    """``USER:PASSWORD`` for Basic authentication (RFC 7617); only for a URL that ``keeps_secrets``."""


class HttpResponse:
    """The answer of a server, its body still to be read."""

    def __init__(self, response: HTTPResponse, deadline: Deadline, min_rate: float) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._deadline = deadline
        self._slowest = min_rate

    def iter_body(self) -> Iterator[bytes]:
        """The body in pieces; raises NotNow if it does not come, is cut short, or comes too slowly."""
        while piece := self._read_piece():
            if self._slowest:
                self._deadline.extend(len(piece) / self._slowest)
            yield piece
        if self._response.length:
            raise TemporaryFailure("its answer is cut short")

    def read_body(self, max_bytes: int) -> bytes:
        """All of the body; raises TooLarge if it has more than ``max_bytes`` bytes, and NotNow."""
        body = bytearray()
        for piece in self.iter_body():
            body += piece
            if len(body) > max_bytes:
                raise BodyTooLarge
        return bytes(body)

    def _read_piece(self) -> bytes:
        with _translate_errors(self._deadline):
            return self._response.read1(_CHUNK_SIZE)


@contextmanager
def open_request(request: HttpRequest, deadline: Deadline, min_rate: float = 0.0) -> Generator[HttpResponse]:
    """Send a request through the proxy that the environment names, and give its answer.

    Args:
        request: What to ask.
        deadline: When all has to be over, from the connection to the last byte of the body.
        min_rate: Bytes of the body that put the deadline off by a second; 0 if nothing does.

    Raises:
        UsageError: The URL cannot be used.
        ValueError: The login would be sent where others can read it.
        HttpStatus: The server answers with another status than success.
        NotNow: The server cannot be reached, is busy, or does not answer in time.
    """
    parse_url(request.url)
    headers = dict(request.headers)
    if request.login:
        if not is_confidential(request.url):
            raise ValueError("others can read a login that is sent by http")
        login = request.login.encode("utf-8", "surrogateescape")
        headers["Authorization"] = f"Basic {base64.b64encode(login).decode('ascii')}"
    sent = urllib.request.Request(request.url, request.body or None, headers)  # noqa: S310 - checked: http or https
    with _translate_errors(deadline):
        response: HTTPResponse = _build_opener(deadline).open(sent, timeout=deadline.remaining())
    with response:
        yield HttpResponse(response, deadline, min_rate)


def retry(action: Callable[[], T], attempts: int, pause: float = _PAUSE) -> T:
    """What ``action`` returns, which is called again, after growing pauses, while it raises NotNow.

    Raises:
        NotNow: The last attempt failed, too.
    """
    for attempt in range(1, attempts):
        try:
            return action()
        except TemporaryFailure:
            time.sleep(pause * 2 ** min(attempt, _MAX_DOUBLINGS))
    return action()


class _DeadlineResponse(HTTPResponse):
    """A response that is over by a deadline, from the status line to the last trailer."""

    def __init__(self, sock: socket, *positional: Any, deadline: Deadline, **named: Any) -> None:
        super().__init__(sock, *positional, **named)
        self.fp = BufferedReader(DeadlineReader(self.fp.detach(), sock.settimeout, deadline))


class _HttpHandler(urllib.request.HTTPHandler):
    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_build_connection, HTTPConnection, self._deadline), req)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_build_connection, HTTPSConnection, self._deadline), req)


class _ProxyHandler(urllib.request.ProxyHandler):
    def proxy_open(self, req: urllib.request.Request, proxy: str, type: str) -> Any:  # noqa: A002 - urllib's name
        if is_loopback(urlsplit(req.full_url).hostname or ""):
            return None
        return super().proxy_open(req, proxy, type)


def _build_opener(deadline: Deadline) -> urllib.request.OpenerDirector:
    """Without what urllib does beyond http and https: no files, no redirections."""
    director = urllib.request.OpenerDirector()
    for handler in (
        _ProxyHandler(),
        _HttpHandler(deadline),
        _HttpsHandler(deadline),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        director.add_handler(handler)
    return director


def _build_connection(
    kind: type[HTTPConnection], deadline: Deadline, host: str, *, timeout: float, **named: Any
) -> HTTPConnection:
    connection = kind(host, timeout=timeout, **named)
    connection.response_class = partial(_DeadlineResponse, deadline=deadline)  # type: ignore[assignment]
    # http.client has no public place for this; the time-out that it leaves bounds the TLS handshake as a whole
    connection._create_connection = deadline.connect  # type: ignore[attr-defined] # noqa: SLF001
    return connection


@contextmanager
def _translate_errors(deadline: Deadline) -> Generator[None]:
    """Turn whatever goes wrong into NotNow or HttpStatus."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _BUSY:
            raise TemporaryFailure(f"HTTP status {error.code}") from None
        raise HttpStatus(error.code, error.headers) from None
    except TimeoutError:
        raise TemporaryFailure(f"not within {deadline.seconds:g} s") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise TemporaryFailure(f"not within {deadline.seconds:g} s") from None
        if isinstance(error.reason, str):
            raise TemporaryFailure(
                "the environment names a proxy that is reached neither by http nor by https"
            ) from None
        reason = error.reason.strerror if isinstance(error.reason, OSError) else None
        raise TemporaryFailure(f"it cannot be reached: {reason or type(error.reason).__name__}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise TemporaryFailure(f"it does not answer as a web server should: {type(error).__name__}") from None
