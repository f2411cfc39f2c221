"""Web servers: objects read by HTTP in ranges (RFC 9110 14), or once as a whole where a server knows no ranges.

fsspec would do, but believes what servers answer: the length of a body, and that it is the range that was asked for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import IO, Final, NoReturn

from dcmseal.errors import DatasetError, UsageError
from dcmseal.plugins.storage import FIRST_READ, Entry, StoredObject
from dcmseal_remote.failures import changed_while_read
from dcmseal_remote.requests import PATIENT, Answer, Limits, NotThere, asked, patiently

_IN_MEMORY: Final = 8 << 20
_LARGEST: Final = 4 << 30
"""Bytes taken of a server that knows no ranges; they go to a temporary file."""


class Web:
    """``http:`` and ``https:`` URLs, which are read only; a login comes from ``~/.netrc``."""

    def __init__(self, scheme: str, limits: Limits = PATIENT) -> None:
        self.scheme = scheme
        self.summary = f"{scheme}: URLs, to be read only"
        self._limits = limits

    def find(self, url: str) -> Entry | None:
        try:
            with self.open(url) as found:
                return found.entry
        except NotThere:
            return None

    @contextmanager
    def open(self, url: str) -> Generator[StoredObject]:
        with ExitStack() as stack:
            yield patiently(url, lambda: _opened(url, stack, self._limits), self._limits)

    def list(self, url: str) -> NoReturn:
        raise UsageError(f"{self.scheme}: URLs cannot be listed", hint="name each object")

    def write(self, url: str, expected_version: str | None) -> NoReturn:
        raise UsageError(f"{self.scheme}: URLs can be read only", hint="write to a file, or to another storage")


class _InRanges:
    def __init__(self, entry: Entry, head: bytes, tag: str, limits: Limits) -> None:
        self.entry = entry
        self._head = head
        self._tag = tag
        self._limits = limits

    def read(self, start: int, end: int) -> bytes:
        if end <= len(self._head):
            return self._head[start:end]
        return patiently(self.entry.url, lambda: self._range(start, end), self._limits)

    def _range(self, start: int, end: int) -> bytes:
        url = self.entry.url
        with asked(url, start, end, self._limits, self._tag) as answer:
            if answer.version != self.entry.version or answer.total not in (None, self.entry.size):
                raise changed_while_read(url)
            if answer.total is None:
                raise DatasetError(f"{url} came in ranges, and now comes as a whole", hint="try again")
            return answer.read_exactly(end - start)


class _Copied:
    def __init__(self, entry: Entry, copy: IO[bytes]) -> None:
        self.entry = entry
        self._copy = copy

    def read(self, start: int, end: int) -> bytes:
        self._copy.seek(start)
        return self._copy.read(end - start)


def _opened(url: str, stack: ExitStack, limits: Limits) -> StoredObject:
    with asked(url, 0, FIRST_READ, limits) as answer:
        if answer.total is not None:
            head = answer.read_exactly(min(FIRST_READ, answer.total))
            entry = Entry(url=url, size=answer.total, version=answer.version)
            return _InRanges(entry, head, answer.strong_tag, limits)
        copy: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by the stack
        stack.enter_context(copy)
        return _Copied(Entry(url=url, size=_copied(answer, copy), version=answer.version), copy)


def _copied(answer: Answer, copy: IO[bytes]) -> int:
    size = 0
    for piece in answer.iter_body():
        size += len(piece)
        if size > _LARGEST:
            raise DatasetError(
                f"{answer.url} has more than {_LARGEST} bytes, and its server knows no ranges", hint="fetch it first"
            )
        copy.write(piece)
    return size
