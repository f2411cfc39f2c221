"""Web servers: objects read by HTTP in ranges (RFC 9110 14), or once as a whole where a server knows no ranges.

fsspec would do, but believes what servers answer: the length of a body, and that it is the range that was asked for.
"""

# Kept apart: one module for each kind of storage.

from __future__ import annotations

import netrc
import re
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Final, NoReturn, TypeVar

from dcmseal.errors import DatasetError, StorageUnavailable, UsageError
from dcmseal.plugins.storage import FIRST_READ_SIZE, StorageEntry, StoredObject
from dcmseal.plugins.tracebacks import strip_traceback
from dcmseal_http.deadline import Deadline
from dcmseal_http.http_client import HttpRequest, HttpResponse, HttpStatus, TemporaryFailure, open_request, retry
from dcmseal_http.http_urls import is_confidential, parse_url, redirect_host
from dcmseal_remote.storage_errors import changed_while_read_error

_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.ASCII)
_HINT: Final = "check the URL and the network"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """How long a server is waited for."""

    seconds: float = 30.0
    """For a request and its answer, besides what ``slowest`` allows for the body."""
    min_rate: float = 1 << 14
    """Bytes of the body for each further second: a server that sends less is given up."""
    attempts: int = 3
    pause: float = 0.2
    """Seconds, doubled before each attempt that is made again."""


DEFAULT_LIMITS: Final = RequestLimits()


class ObjectNotFound(DatasetError):
    """The server has no such object."""


class RangeResponse:
    """A server's answer, its body still to be read."""

    def __init__(self, url: str, answer: HttpResponse, start: int, end: int) -> None:
        self.url = url
        self._answer = answer
        tag = answer.headers.get("ETag", "").strip()
        self.version = tag or answer.headers.get("Last-Modified", "").strip()
        self.strong_tag = tag if tag.startswith('"') else ""
        """What ``If-Match`` takes (RFC 9110 13.1.1)."""
        self.total = self._parse_total(start, end)
        """Size of the object of which this is the range that was asked for; None if it is all of it."""

    def _parse_total(self, start: int, end: int) -> int | None:
        if self._answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise DatasetError(f"{self.url} comes in another coding than it was asked for", hint=_HINT)
        if self._answer.status != 206:
            return None
        said = _RANGE.fullmatch(self._answer.headers.get("Content-Range", "").strip())
        if said is None:
            raise DatasetError(f"{self.url} comes in a range that does not say which", hint=_HINT)
        first, last, total = map(int, said.groups())
        if first != start or last + 1 != min(end, total):
            raise DatasetError(f"{self.url} comes in another range than was asked for", hint=_HINT)
        return total

    def read_exactly(self, size: int) -> bytes:
        """The body, which has to have this size; raises NotNow if it is cut short."""
        parts: list[bytes] = []
        missing = size
        for piece in self.iter_body():
            parts.append(piece[:missing])
            missing -= len(parts[-1])
            if not missing:
                break
        if missing:
            raise TemporaryFailure("its answer is cut short")
        return b"".join(parts)

    def iter_body(self) -> Iterator[bytes]:
        """The body in pieces; raises NotNow if it does not come, or too slowly."""
        return self._answer.iter_body()


@strip_traceback
def retry_request(url: str, action: Callable[[], T], limits: RequestLimits) -> T:
    """The result of ``action``, called again while it raises NotNow; raises StorageUnavailable in the end."""
    try:
        return retry(action, limits.attempts, limits.pause)
    except TemporaryFailure as error:
        raise StorageUnavailable(f"{url} is out of reach: {error}", hint=_HINT) from None


@contextmanager
def open_range(url: str, start: int, end: int, limits: RequestLimits, tag: str = "") -> Generator[RangeResponse]:
    """Ask for a range, of the version with this ETag if one is given; the answer may be all of the object.

    Raises UsageError, DatasetError, StorageUnavailable, or NotNow.
    """
    headers = {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity", "User-Agent": "dcmseal"}
    if tag:
        headers["If-Match"] = tag
    request = HttpRequest(url=url, headers=headers, login=_find_login(url))
    try:
        with open_request(request, Deadline(limits.seconds), limits.min_rate) as answer:
            yield RangeResponse(url, answer, start, end)
    except HttpStatus as error:
        raise _status_error(url, error) from None


def _status_error(url: str, error: HttpStatus) -> DatasetError:
    """What a status comes to that is neither 200 nor 206."""
    if error.code in (404, 410):
        return ObjectNotFound(f"{url} is not there", hint="check the URL")
    if error.code in (401, 403):
        return DatasetError(f"{url} cannot be read: it is not allowed", hint="a login may stand in ~/.netrc")
    if error.code == 412:
        return changed_while_read_error(url)
    if error.code == 416:
        return DatasetError(f"{url} is empty", hint="check the URL")
    if error.code in (301, 302, 303, 307, 308):
        host = redirect_host(error.headers.get("Location", ""))
        where = f", at {host}" if host else ""
        return DatasetError(f"{url} is said to be elsewhere{where}", hint="if you trust that, name the other URL")
    return DatasetError(f"{url} cannot be read: HTTP status {error.code}", hint=_HINT)


def _find_login(url: str) -> str:
    """What ``~/.netrc`` has for a host, as curl has it; never sent where others could read it."""
    host = parse_url(url).hostname or ""
    if not is_confidential(url):
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


_MAX_IN_MEMORY: Final = 8 << 20
_MAX_SIZE: Final = 4 << 30
"""Bytes taken of a server that knows no ranges; they go to a temporary file."""


class WebStorage:
    """``http:`` and ``https:`` URLs, which are read only; a login comes from ``~/.netrc``."""

    def __init__(self, scheme: str, limits: RequestLimits = DEFAULT_LIMITS) -> None:
        self.scheme = scheme
        self.summary = f"{scheme}: URLs, to be read only"
        self._limits = limits

    def find(self, url: str) -> StorageEntry | None:
        try:
            with self.open(url) as found:
                return found.entry
        except ObjectNotFound:
            return None

    @contextmanager
    def open(self, url: str) -> Generator[StoredObject]:
        with ExitStack() as stack:
            yield retry_request(url, lambda: _open_object(url, stack, self._limits), self._limits)

    def list(self, url: str) -> NoReturn:
        raise UsageError(f"{self.scheme}: URLs cannot be listed", hint="name each object")

    def write(self, url: str, expected_version: str | None) -> NoReturn:
        raise UsageError(f"{self.scheme}: URLs can be read only", hint="write to a file, or to another storage")


class _RangedObject:
    def __init__(self, entry: StorageEntry, head: bytes, tag: str, limits: RequestLimits) -> None:
        self.entry = entry
        self._head = head
        self._tag = tag
        self._limits = limits

    def read(self, start: int, end: int) -> bytes:
        if end <= len(self._head):
            return self._head[start:end]
        return retry_request(self.entry.url, lambda: self._range(start, end), self._limits)

    def _range(self, start: int, end: int) -> bytes:
        url = self.entry.url
        with open_range(url, start, end, self._limits, self._tag) as answer:
            if answer.version != self.entry.version or answer.total not in (None, self.entry.size):
                raise changed_while_read_error(url)
            if answer.total is None:
                raise DatasetError(f"{url} came in ranges, and now comes as a whole", hint="try again")
            return answer.read_exactly(end - start)


class _CopiedObject:
    def __init__(self, entry: StorageEntry, copy: IO[bytes]) -> None:
        self.entry = entry
        self._copy = copy

    def read(self, start: int, end: int) -> bytes:
        self._copy.seek(start)
        return self._copy.read(end - start)


def _open_object(url: str, stack: ExitStack, limits: RequestLimits) -> StoredObject:
    with open_range(url, 0, FIRST_READ_SIZE, limits) as answer:
        if answer.total is not None:
            head = answer.read_exactly(min(FIRST_READ_SIZE, answer.total))
            entry = StorageEntry(url=url, size=answer.total, version=answer.version)
            return _RangedObject(entry, head, answer.strong_tag, limits)
        copy: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_MAX_IN_MEMORY)  # noqa: SIM115 - closed by the stack
        stack.enter_context(copy)
        return _CopiedObject(StorageEntry(url=url, size=_copy_body(answer, copy), version=answer.version), copy)


def _copy_body(answer: RangeResponse, copy: IO[bytes]) -> int:
    size = 0
    for piece in answer.iter_body():
        size += len(piece)
        if size > _MAX_SIZE:
            raise DatasetError(
                f"{answer.url} has more than {_MAX_SIZE} bytes, and its server knows no ranges", hint="fetch it first"
            )
        copy.write(piece)
    return size
