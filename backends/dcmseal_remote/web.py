"""Web servers: objects read by HTTP in ranges (RFC 9110 14), or once as a whole where a server knows no ranges.

fsspec would do, but believes what servers answer: the length of a body, and that it is the range that was asked for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import IO, Final, NoReturn

from dcmseal.errors import DatasetError, UsageError
from dcmseal.plugins.storage import FIRST_READ_SIZE, StorageEntry, StoredObject
from dcmseal_remote.failures import changed_while_read_error
from dcmseal_remote.requests import (
    DEFAULT_LIMITS,
    ObjectNotFound,
    RangeResponse,
    RequestLimits,
    open_range,
    retry_request,
)

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
