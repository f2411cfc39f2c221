"""Web servers: objects are read in ranges (RFC 9110 14), or as a whole if the server does not support ranges.

fsspec is not used, because it trusts servers: it checks neither the length nor the range of a response.
"""

# Kept apart: one module for each kind of storage.

from __future__ import annotations

import netrc
import re
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Final, NoReturn, TypeVar

from msgspec import Struct

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


class RequestLimits(Struct, frozen=True, kw_only=True):
    """Timeouts, retries and sizes of requests."""

    seconds: float = 30.0
    """Timeout of a request, without the time that ``min_rate`` allows for the body."""
    min_rate: float = 1 << 14
    """Minimum number of bytes of the body per second."""
    attempts: int = 3
    pause: float = 0.2
    """Seconds before the second attempt, doubled before each further one."""
    max_size: int = 4 << 30
    """Maximum size of an object from a server without ranges, which is copied to a temporary file."""


DEFAULT_LIMITS: Final = RequestLimits()


class ObjectNotFound(DatasetError):
    """The object does not exist."""


class RangeResponse:
    """A response, with a body that can be read once."""

    def __init__(self, url: str, response: HttpResponse, start: int, end: int) -> None:
        self.url = url
        self._response = response
        tag = response.headers.get("ETag", "").strip()
        self.version = tag or response.headers.get("Last-Modified", "").strip()
        self.strong_tag = tag if tag.startswith('"') else ""
        """The ETag if it is strong, as ``If-Match`` requires (RFC 9110 13.1.1)."""
        self.total = self._parse_total(start, end)
        """Size of the object if this is the requested range; None if this is the whole object."""

    def _parse_total(self, start: int, end: int) -> int | None:
        if self._response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise DatasetError(f"{self.url}: the server compressed the response, which was not requested", hint=_HINT)
        if self._response.status != 206:
            return None
        content_range = _RANGE.fullmatch(self._response.headers.get("Content-Range", "").strip())
        if content_range is None:
            raise DatasetError(f"{self.url}: the server returned a range without a valid Content-Range", hint=_HINT)
        first, last, total = map(int, content_range.groups())
        if first != start or last + 1 != min(end, total):
            raise DatasetError(f"{self.url}: the server returned another range than requested", hint=_HINT)
        return total

    def read_exactly(self, size: int) -> bytes:
        """Read a body of this size; raises TemporaryFailure if it is truncated."""
        parts: list[bytes] = []
        missing = size
        for piece in self.iter_body():
            parts.append(piece[:missing])
            missing -= len(parts[-1])
            if not missing:
                break
        if missing:
            raise TemporaryFailure("the response is truncated")
        return b"".join(parts)

    def iter_body(self) -> Iterator[bytes]:
        """Iterate over the body; raises TemporaryFailure if it is too slow."""
        return self._response.iter_body()


@strip_traceback
def retry_request(url: str, action: Callable[[], T], limits: RequestLimits) -> T:
    """Call an action, and repeat it while it raises TemporaryFailure.

    Args:
        url: The URL, for the error.
        action: The action.
        limits: The number of attempts, and the pause between them.

    Raises:
        StorageUnavailable: All attempts failed.
    """
    try:
        return retry(action, limits.attempts, limits.pause)
    except TemporaryFailure as error:
        raise StorageUnavailable(f"{url} cannot be reached: {error}", hint=_HINT) from None


@contextmanager
def open_range(url: str, start: int, end: int, limits: RequestLimits, tag: str = "") -> Generator[RangeResponse]:
    """Request a range; the response may be the whole object.

    Args:
        url: The URL of the object.
        start: Position of the first byte.
        end: Position after the last byte.
        limits: Timeouts and retries.
        tag: The ETag of the version to read, if any.

    Raises:
        UsageError: The URL or ``~/.netrc`` is invalid.
        DatasetError: The server refused the request, or its response is invalid.
        TemporaryFailure: The server cannot be reached, or is busy.
    """
    headers = {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity", "User-Agent": "dcmseal"}
    if tag:
        headers["If-Match"] = tag
    request = HttpRequest(url=url, headers=headers, login=_find_login(url))
    try:
        with open_request(request, Deadline(limits.seconds), limits.min_rate) as response:
            yield RangeResponse(url, response, start, end)
    except HttpStatus as error:
        raise _status_error(url, error) from None


def _status_error(url: str, error: HttpStatus) -> DatasetError:
    """Build the error for a status other than 200 and 206."""
    if error.code in (404, 410):
        return ObjectNotFound(f"{url} does not exist", hint="check the URL")
    if error.code in (401, 403):
        return DatasetError(f"{url} cannot be read: permission denied", hint="put a login into ~/.netrc")
    if error.code == 412:
        return changed_while_read_error(url)
    if error.code == 416:
        return DatasetError(f"{url} is empty", hint="check the URL")
    if error.code in (301, 302, 303, 307, 308):
        host = redirect_host(error.headers.get("Location", ""))
        where = f" to {host}" if host else ""
        return DatasetError(f"{url} has been moved{where}", hint="if you trust the new location, use its URL")
    return DatasetError(f"{url} cannot be read: HTTP status {error.code}", hint=_HINT)


def _find_login(url: str) -> str:
    """Find the login for a host in ``~/.netrc``, like curl; none if others could read it."""
    host = parse_url(url).hostname or ""
    if not is_confidential(url):
        return ""
    try:
        found = netrc.netrc().authenticators(host)
    except FileNotFoundError:
        return ""
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        raise UsageError(
            "~/.netrc cannot be read", hint="check its format; only you may have access (chmod 600)"
        ) from None
    return f"{found[0]}:{found[2]}" if found and found[2] else ""


_MAX_IN_MEMORY: Final = 8 << 20


class WebStorage:
    """``http:`` and ``https:`` URLs, for reading only; logins come from ``~/.netrc``."""

    def __init__(self, scheme: str, limits: RequestLimits = DEFAULT_LIMITS) -> None:
        self.scheme = scheme
        self.summary = f"{scheme}: URLs, read-only"
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
        raise UsageError(f"{self.scheme}: URLs are read-only", hint="write to a file, or to another storage")


class _RangedObject:
    concurrent_reads: Final = 4
    """Each read is a request with a connection of its own."""

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
        with open_range(url, start, end, self._limits, self._tag) as response:
            if response.version != self.entry.version or response.total not in (None, self.entry.size):
                raise changed_while_read_error(url)
            if response.total is None:
                raise DatasetError(f"{url}: the server no longer supports ranges", hint="try again")
            return response.read_exactly(end - start)


class _CopiedObject:
    def __init__(self, entry: StorageEntry, copy: IO[bytes]) -> None:
        self.entry = entry
        self._copy = copy

    def read(self, start: int, end: int) -> bytes:
        self._copy.seek(start)
        return self._copy.read(end - start)


def _open_object(url: str, stack: ExitStack, limits: RequestLimits) -> StoredObject:
    with open_range(url, 0, FIRST_READ_SIZE, limits) as response:
        if response.total is not None:
            head = response.read_exactly(min(FIRST_READ_SIZE, response.total))
            entry = StorageEntry(url=url, size=response.total, version=response.version)
            return _RangedObject(entry, head, response.strong_tag, limits)
        copy: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_MAX_IN_MEMORY)  # noqa: SIM115 - closed by the stack
        stack.enter_context(copy)
        return _CopiedObject(
            StorageEntry(url=url, size=_copy_body(response, copy, limits.max_size), version=response.version), copy
        )


def _copy_body(response: RangeResponse, copy: IO[bytes], max_size: int) -> int:
    size = 0
    for piece in response.iter_body():
        size += len(piece)
        if size > max_size:
            raise DatasetError(
                f"{response.url} is too large for a server without ranges ({max_size} bytes)", hint="download it first"
            )
        copy.write(piece)
    return size
