"""URLs on the command line: those with secrets are refused, and results appear only when they are complete."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Generator
from contextlib import contextmanager
from io import RawIOBase
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from dcmseal.api.installed_plugins import provide_registry
from dcmseal.errors import UsageError
from dcmseal.plugins.storage_urls import is_url, parse_url_scheme
from dcmseal.sources.remote_objects import find_object, open_url_for_writing

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from dcmseal.plugins.storage import Write

_NOT_FILES: Final = frozenset({"key", "timestamp"})
"""Options whose URLs do not name files; the code that uses them checks them."""


def check_urls(options: Namespace) -> None:
    """Refuse URLs that contain secrets, before any message repeats them; raises UsageError."""
    for name, value in vars(options).items():
        words = cast("list[object]", value) if isinstance(value, list) else [value]
        for word in words:
            if name not in _NOT_FILES and isinstance(word, str) and is_url(word):
                parse_url_scheme(word)


def object_exists(url: str) -> bool:
    """Whether the object exists; raises UsageError, PluginError or DatasetError."""
    return find_object(url, provide_registry()) is not None


@contextmanager
def open_upload(url: str, *, force: bool) -> Generator[BinaryIO]:
    """A stream to an object, which is created or replaced only if everything succeeds.

    Raises UsageError, before anything is computed, if the object exists and ``force`` is not set.
    """
    if not force and object_exists(url):
        raise UsageError(f"{url} already exists", hint="choose another name, or use --force to overwrite it")
    with open_url_for_writing(url, None if force else "", provide_registry()) as write:
        yield cast("BinaryIO", _UploadStream(write))


class _UploadStream(RawIOBase):
    def __init__(self, write: Write) -> None:
        self._write = write

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        view = memoryview(data).cast("B")
        self._write(view)
        return len(view)
