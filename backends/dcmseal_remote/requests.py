"""Requests to web servers: bounded in time and bytes, tried again while a server is busy, and never sent elsewhere."""

from __future__ import annotations

import base64
import netrc
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from email.message import Message
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from typing import IO, Final, TypeVar
from urllib.parse import urlsplit

from dcmseal.errors import DatasetError, StorageUnavailable, UsageError
from dcmseal_remote.failures import changed_while_read

_VISIBLE: Final = re.compile(r"[!-~]+")
_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.ASCII)
_BUSY: Final = frozenset({408, 429, 500, 502, 503, 504})
_ATTEMPTS: Final = 3
_PAUSE: Final = 0.2
_SECONDS: Final = 30.0
"""For a connection, and for each piece; and what a body may take in all, besides ``_SLOWEST``."""
_SLOWEST: Final = 1 << 14
"""Bytes a second below which a server is given up."""
_PIECE: Final = 1 << 16
_LONGEST_HOST: Final = 253
_HINT: Final = "check the URL and the network"

T = TypeVar("T")


class NotThere(DatasetError):
    """The server has no such object."""


class NotNow(Exception):
    """The server may be asked again; the message is made of our words only."""


class _StayHere(urllib.request.HTTPRedirectHandler):
    """The user named a server; it does not get to name another one, which may be inside the user's network."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


class Answer:
    """A server's answer, its body still to be read."""

    def __init__(self, url: str, response: HTTPResponse, start: int, end: int) -> None:
        self.url = url
        self._response = response
        tag = response.headers.get("ETag", "").strip()
        self.version = tag or response.headers.get("Last-Modified", "").strip()
        self.strong_tag = tag if tag.startswith('"') else ""
        """What ``If-Match`` takes (RFC 9110 13.1.1)."""
        self.total = self._total(start, end)
        """Size of the object of which this is the range that was asked for; None if it is all of it."""

    def _total(self, start: int, end: int) -> int | None:
        if self._response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise DatasetError(f"{self.url} comes in another coding than it was asked for", hint=_HINT)
        if self._response.status != 206:
            return None
        said = _RANGE.fullmatch(self._response.headers.get("Content-Range", "").strip())
        if said is None:
            raise DatasetError(f"{self.url} comes in a range that does not say which", hint=_HINT)
        first, last, total = map(int, said.groups())
        if first != start or last + 1 != min(end, total):
            raise DatasetError(f"{self.url} comes in another range than was asked for", hint=_HINT)
        return total

    def exactly(self, size: int) -> bytes:
        """The body, which has to have this size; raises NotNow if it is cut short."""
        parts: list[bytes] = []
        missing = size
        for piece in self.pieces():
            parts.append(piece[:missing])
            missing -= len(parts[-1])
            if not missing:
                break
        if missing:
            raise NotNow("its answer is cut short")
        return b"".join(parts)

    def pieces(self) -> Iterator[bytes]:
        """The body in pieces; raises NotNow if it does not come, or too slowly."""
        begun = time.monotonic()
        size = 0
        while piece := self._piece():
            yield piece
            size += len(piece)
            if time.monotonic() - begun > _SECONDS + size / _SLOWEST:
                raise NotNow("it sends hardly anything")
        if self._response.length:
            raise NotNow("its answer is cut short")

    def _piece(self) -> bytes:
        with _sending():
            return self._response.read1(_PIECE)


def patiently(url: str, ask: Callable[[], T]) -> T:
    """What ``ask`` returns, which is called again as long as it raises NotNow; raises StorageUnavailable in the end."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return ask()
        except NotNow as error:
            if attempt == _ATTEMPTS:
                raise StorageUnavailable(f"{url} is out of reach: {error}", hint=_HINT) from None
        time.sleep(_PAUSE * 2**attempt)
    raise AssertionError


@contextmanager
def asked(url: str, start: int, end: int, tag: str = "") -> Generator[Answer]:
    """Ask for a range, of the version with this ETag if one is given; the answer may be all of the object.

    Raises UsageError, DatasetError, StorageUnavailable, or NotNow.
    """
    if not _VISIBLE.fullmatch(url) or not urlsplit(url).hostname:
        raise UsageError("the URL cannot be read", hint="write https://HOST/PATH, other characters as %XX")
    headers = {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity", "User-Agent": "dcmseal"}
    if tag:
        headers["If-Match"] = tag
    login = _login(url)
    if login:
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode('ascii')}"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme is http or https
    try:
        with _sending():
            response: HTTPResponse = urllib.request.build_opener(_StayHere).open(request, timeout=_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        raise _refused(url, error) from None
    with response:
        yield Answer(url, response, start, end)


def _refused(url: str, error: urllib.error.HTTPError) -> Exception:
    """What a status comes to that is neither 200 nor 206."""
    if error.code in _BUSY:
        return NotNow(f"HTTP status {error.code}")
    if error.code in (404, 410):
        return NotThere(f"{url} is not there", hint="check the URL")
    if error.code in (401, 403):
        return DatasetError(f"{url} cannot be read: it is not allowed", hint="a login may stand in ~/.netrc")
    if error.code == 412:
        return changed_while_read(url)
    if error.code == 416:
        return DatasetError(f"{url} is empty", hint="check the URL")
    if error.code in (301, 302, 303, 307, 308):
        where = _host_of(error.headers.get("Location", ""))
        return DatasetError(f"{url} is said to be elsewhere{where}", hint="if you trust that, name the other URL")
    return DatasetError(f"{url} cannot be read: HTTP status {error.code}", hint=_HINT)


def _host_of(location: str) -> str:
    try:
        host = urlsplit(location).hostname or ""
    except ValueError:
        host = ""
    return f", at {host[:_LONGEST_HOST]}" if _VISIBLE.fullmatch(host) else ""


@contextmanager
def _sending() -> Generator[None]:
    """Turn what goes wrong on the way into NotNow."""
    try:
        yield
    except urllib.error.HTTPError:
        raise
    except TimeoutError:
        raise NotNow(f"not within {_SECONDS:g} s") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise NotNow(f"not within {_SECONDS:g} s") from None
        reason = getattr(error.reason, "strerror", None) or type(error.reason).__name__
        raise NotNow(str(reason)) from None
    except (OSError, HTTPException, ValueError) as error:
        raise NotNow(f"it does not answer as a web server should: {type(error).__name__}") from None


def _login(url: str) -> str:
    """What ``~/.netrc`` has for a host, as curl has it; never sent where others could read it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and not _is_here(host):
        return ""
    try:
        found = netrc.netrc().authenticators(host)
    except FileNotFoundError:
        return ""
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        raise UsageError(
            "~/.netrc cannot be read", hint="it is yours alone (chmod 600), in the form that curl reads"
        ) from None
    return f"{found[0]}:{found[2]}" if found and found[2] else ""


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
