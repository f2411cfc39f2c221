"""Finding instances in storages: objects, what is below a prefix, and patterns.

>>> from dcmseal.plugins.registry import installed_registry
>>> (found,) = iter_objects("nowhere://a/b.dcm", installed_registry, has_several_roots=False)
>>> found.error.hint[:16]
'use one of: abfs'
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from dcmseal.batch.inputs.input_file import BatchInput, InputFile, UnreadableInput, has_dicom_name
from dcmseal.errors import DatasetError, SealError
from dcmseal.plugins.registry_provider import RegistryProvider
from dcmseal.plugins.storage import StorageEntry
from dcmseal.plugins.storage_urls import is_url, redact_secrets
from dcmseal.sources.remote_objects import WILDCARD, list_objects, literal_prefix, resolve_file_url


def to_local_path(source: str) -> str | None:
    """The path that a word means, which may be a ``file:`` URL; None if it is another URL. Raises UsageError."""
    path = resolve_file_url(source)
    return None if is_url(path) else path


def iter_objects(
    url: str, registry: RegistryProvider, *, has_several_roots: bool, exclude: tuple[str, ...] = ()
) -> Iterator[BatchInput]:
    """What a URL names, as the storage lists it, page by page: an object, a prefix that ends in a slash, or a pattern.

    If ``has_several_roots`` are named, paths for output begin with the last name of the prefix. What is missing, or
    cannot be listed, is an UnreadableInput. Objects below the prefixes ``exclude`` are skipped: they may be results
    written meanwhile.
    """
    is_pattern = WILDCARD in url
    is_named = not is_pattern and not url.endswith("/")
    folder = literal_prefix(url) if is_pattern or is_named else url
    prefix = url_root(url) if has_several_roots and not is_named else ""
    count = 0
    try:
        for entry in list_objects(url, registry):
            if entry.url.startswith(exclude):
                continue
            count += 1
            has_to_be = is_named or has_dicom_name(entry.url.rpartition("/")[2])
            yield _make_input_file(
                entry, f"{prefix}{_to_output_path(entry.url[len(folder) :])}", must_be_dicom=has_to_be
            )
        if not count and is_pattern:
            raise DatasetError(f"nothing matches {url}", hint="check the pattern")
    except SealError as error:
        yield UnreadableInput(source=redact_secrets(url), error=error)


def url_root(url: str) -> str:
    """How the paths for output begin of what a URL names, one of several; of a single object, its own."""
    if WILDCARD in url or url.endswith("/"):
        folder = literal_prefix(url) if WILDCARD in url else url
        return f"{_to_output_path(folder.rstrip('/').rpartition('/')[2])}/"
    return _to_output_path(url.rpartition("/")[2])


def _make_input_file(entry: StorageEntry, relative: str, *, must_be_dicom: bool) -> InputFile:
    # for a journal, another version is another file
    number = int.from_bytes(sha256(entry.version.encode()).digest()[:7], "big") if entry.version else 0
    return InputFile(source=entry.url, relative=relative, size=entry.size, inode=number, must_be_dicom=must_be_dicom)


def _to_output_path(key: str) -> str:
    """A path for output: names of objects are anybody's, and may lead out of the folder that results go to."""
    return "/".join(map(_escape_component, key.split("/")))


def _escape_component(part: str) -> str:
    if part in ("", ".", ".."):
        return part.replace(".", "%2E") or "%"
    return part.replace("\\", "%5C").replace("\0", "%00")
