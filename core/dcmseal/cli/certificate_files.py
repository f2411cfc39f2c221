"""Certificates in files that the command line names, in PEM or DER."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def certificates_in(files: Iterable[str]) -> tuple[bytes, ...]:
    """The certificates of all these files, in DER; raises UsageError if one has none."""
    return tuple(certificate for file in files for certificate in _certificates(file))


def _certificates(file: str) -> Iterator[bytes]:
    from cryptography.hazmat.primitives.serialization import Encoding

    from dcmseal.errors import UsageError
    from dcmseal.plugins import certificate_files

    for each in certificate_files.certificates_in(file, unreadable=UsageError, invalid=UsageError):
        yield each.public_bytes(Encoding.DER)
