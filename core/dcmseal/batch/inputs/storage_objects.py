"""Finding inputs in storages: objects, everything below a prefix, and patterns.

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
    """Convert a source to a path, which may be a ``file:`` URL; None for other URLs. Raises UsageError."""
    path = resolve_file_url(source)
    return None if is_url(path) else path


def iter_objects(
    url: str, registry: RegistryProvider, *, has_several_roots: bool, exclude: tuple[str, ...] = ()
) -> Iterator[BatchInput]:
    """Iterate over the objects of a URL, page by page, in the order of the storage.

    Args:
        url: An object, a prefix that ends in a slash, or a pattern.
        registry: Returns the plugins.
        has_several_roots: Whether output paths begin with the last name of the prefix.
        exclude: Prefixes of objects to skip, which may be results of this run.

    Returns:
        The inputs; objects that are missing, and errors of the storage, are UnreadableInput.
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
    """Return the prefix of the output paths of a URL, one of several; for a single object, its path."""
    if WILDCARD in url or url.endswith("/"):
        folder = literal_prefix(url) if WILDCARD in url else url
        return f"{_to_output_path(folder.rstrip('/').rpartition('/')[2])}/"
    return _to_output_path(url.rpartition("/")[2])


def _make_input_file(entry: StorageEntry, relative: str, *, must_be_dicom: bool) -> InputFile:
    # for a journal, another version is another file
    number = int.from_bytes(sha256(entry.version.encode()).digest()[:7], "big") if entry.version else 0
    return InputFile(source=entry.url, relative=relative, size=entry.size, inode=number, must_be_dicom=must_be_dicom)


def _to_output_path(key: str) -> str:
    """Convert the name of an object to an output path; names may contain parts that leave the folder."""
    return "/".join(map(_escape_component, key.split("/")))


def _escape_component(part: str) -> str:
    if part in ("", ".", ".."):
        return part.replace(".", "%2E") or "%"
    return part.replace("\\", "%5C").replace("\0", "%00")
