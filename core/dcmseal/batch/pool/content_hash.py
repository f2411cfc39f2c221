"""Identification of files by content: the worker that processes a file hashes it, so no single process reads all.

>>> from dcmseal.batch.inputs.input_file import RecordedContent
>>> content = RecordedContent(digest=hash_file("signed.dcm"))
>>> item = InputFile(source="signed.dcm", relative="signed.dcm", recorded_content=content)
>>> run_on_change(item, lambda _: BatchResult.from_foreign_file(item)).is_unchanged
True
"""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import file_digest

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.results import BatchResult
from dcmseal.input_files import open_input


def run_on_change(item: InputFile, work: Callable[[InputFile], BatchResult]) -> BatchResult:
    """Process an item, and add the digest of its content; skip it if a journal has recorded that digest.

    The digest counts only if the file was not written meanwhile, because processing reads the file a second time.
    """
    before, digest = _stat_key(item.source), hash_file(item.source)
    if item.recorded_content is not None and _is_unchanged(item, digest):
        return BatchResult.from_foreign_file(item)._replace(digest=digest, is_unchanged=True)
    result = work(item)
    if result.is_written and result.output == item.source:
        digest = hash_file(item.source)
    elif _stat_key(item.source) != before:
        digest = None
    return result._replace(digest=digest)


def hash_file(source: str) -> bytes | None:
    """Compute the SHA-256 digest of a file; None if it cannot be read."""
    try:
        with open_input(source) as file:
            return file_digest(file, "sha256").digest()
    except OSError:
        return None


def _is_unchanged(item: InputFile, digest: bytes | None) -> bool:
    """Whether a file is unchanged, or was signed in place and still has its signature and the signed data."""
    known = item.recorded_content
    if known is None or digest is None:
        return False
    if known.digest == digest:
        return True
    if not known.uid:
        return False
    from dcmseal.batch.intact_signature import find_intact_signature

    return find_intact_signature(item.source, known.uid) is not None


def _stat_key(source: str) -> tuple[int, ...]:
    try:
        status = os.stat(source)
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
