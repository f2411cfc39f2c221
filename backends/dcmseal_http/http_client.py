"""HTTP requests (RFC 9110) with a deadline for the whole exchange, and retries.

Redirects are not followed, so that requests and logins reach only the configured server. Requests to this machine do
not use a proxy, which would see the login and connect to its own machine.
"""

from __future__ import annotations

import base64
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import BufferedReader
from socket import socket
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct, field

from dcmseal.representation import format_fields
from dcmseal_http.deadline import Deadline, DeadlineReader
from dcmseal_http.http_urls import is_confidential, is_loopback, parse_url

T = TypeVar("T")

_TEMPORARY: Final = frozenset({408, 429, 500, 502, 503, 504})
_CHUNK_SIZE: Final = 1 << 16
_PAUSE_SECONDS: Final = 0.2
_MAX_DOUBLINGS: Final = 5


class TemporaryFailure(Exception):
    """The request may be repeated; the message contains no text of the server."""


class HttpStatus(Exception):
    """The server returned an error status that is not temporary."""

    def __init__(self, code: int, headers: Message) -> None:
        super().__init__(f"HTTP status {code}")
        self.code = code
        self.headers = headers


class BodyTooLarge(Exception):
    """The body is larger than the limit."""


class HttpRequest(Struct, frozen=True, kw_only=True):
    """A request: POST if it has a body, otherwise GET."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    login: str = ""
    """``USER:PASSWORD`` for Basic authentication (RFC 7617); only for URLs that are ``is_confidential``."""

    def __repr__(self) -> str:
        return format_fields(self, hidden=("login",))


class HttpResponse:
    """A response, with a body that can be read once."""

    def __init__(self, response: HTTPResponse, deadline: Deadline, min_rate: float) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._deadline = deadline
        self._min_rate = min_rate

    def iter_body(self) -> Iterator[bytes]:
        """Iterate over the body.

        Raises:
            TemporaryFailure: The body is truncated, or arrives too slowly.
        """
        while chunk := self._read_chunk():
            if self._min_rate:
                self._deadline.extend(len(chunk) / self._min_rate)
            yield chunk
        if self._response.length:
            raise TemporaryFailure("the response is truncated")

    def read_body(self, max_bytes: int) -> bytes:
        """Return the whole body.

        Raises:
            BodyTooLarge: The body is larger than ``max_bytes``.
            TemporaryFailure: The body is truncated, or arrives too slowly.
        """
        body = bytearray()
        for chunk in self.iter_body():
            body += chunk
            if len(body) > max_bytes:
                raise BodyTooLarge
        return bytes(body)

    def _read_chunk(self) -> bytes:
        with _translate_errors(self._deadline):
            return self._response.read1(_CHUNK_SIZE)


@contextmanager
def open_request(request: HttpRequest, deadline: Deadline, min_rate: float = 0.0) -> Generator[HttpResponse]:
    """Send a request, through the proxy that the environment names, if any, and yield the response.

    Args:
        request: The request.
        deadline: The deadline for everything from the connection to the last byte of the body.
        min_rate: Bytes per second at which the body extends the deadline; 0 to never extend it.

    Raises:
        UsageError: The URL is invalid.
        ValueError: The login would be sent without encryption.
        HttpStatus: The server returned an error.
        TemporaryFailure: The server cannot be reached, is busy, or did not respond in time.
    """
    parse_url(request.url)
    headers = dict(request.headers)
    if request.login:
        if not is_confidential(request.url):
            raise ValueError("a login must not be sent without encryption")
        login = request.login.encode("utf-8", "surrogateescape")
        headers["Authorization"] = f"Basic {base64.b64encode(login).decode('ascii')}"
    sent = urllib.request.Request(request.url, request.body or None, headers)  # noqa: S310 - checked: http or https
    with _translate_errors(deadline):
        response: HTTPResponse = _build_opener(deadline).open(sent, timeout=deadline.remaining())
    with response:
        yield HttpResponse(response, deadline, min_rate)


def retry(action: Callable[[], T], attempts: int, pause: float = _PAUSE_SECONDS) -> T:
    """Call an action, and repeat it after growing pauses while it raises TemporaryFailure.

    Args:
        action: The function to call.
        attempts: Maximum number of calls.
        pause: Seconds before the second call, doubled before each further one.

    Raises:
        TemporaryFailure: All attempts failed.
    """
    for attempt in range(1, attempts):
        try:
            return action()
        except TemporaryFailure:
            time.sleep(pause * 2 ** min(attempt, _MAX_DOUBLINGS))
    return action()


class _DeadlineResponse(HTTPResponse):
    """A response with a deadline, from the status line to the last trailer."""

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
    """Build an opener for http and https only, without redirects."""
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
    connection.response_class = partial(_DeadlineResponse, deadline=deadline)  # type: ignore[assignment] # typed as a class
    # http.client has no public hook for this; its remaining timeout limits the whole TLS handshake
    connection._create_connection = deadline.connect  # type: ignore[attr-defined] # noqa: SLF001 - see above
    return connection


@contextmanager
def _translate_errors(deadline: Deadline) -> Generator[None]:
    """Turn all exceptions into TemporaryFailure or HttpStatus."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _TEMPORARY:
            raise TemporaryFailure(f"HTTP status {error.code}") from None
        raise HttpStatus(error.code, error.headers) from None
    except TimeoutError:
        raise TemporaryFailure(f"no response within {deadline.seconds:g} s") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise TemporaryFailure(f"no response within {deadline.seconds:g} s") from None
        if isinstance(error.reason, str):
            raise TemporaryFailure("the proxy in the environment must begin with http:// or https://") from None
        reason = error.reason.strerror if isinstance(error.reason, OSError) else None
        raise TemporaryFailure(f"cannot be reached: {reason or type(error.reason).__name__}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise TemporaryFailure(f"invalid response: {type(error).__name__}") from None
