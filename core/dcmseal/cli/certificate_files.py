"""Certificates in files that the command line names, in PEM or DER."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def load_certificates(files: Iterable[str]) -> tuple[bytes, ...]:
    """The certificates of all these files, in DER; raises UsageError if one has none."""
    return tuple(certificate for file in files for certificate in _load_certificate_file(file))


def _load_certificate_file(file: str) -> Iterator[bytes]:
    from cryptography.hazmat.primitives.serialization import Encoding

    from dcmseal.errors import UsageError
    from dcmseal.plugins import certificate_files

    for each in certificate_files.load_certificates(file, unreadable=UsageError, invalid=UsageError):
        yield each.public_bytes(Encoding.DER)
