"""Load certificates from files.

>>> [certificate.subject.rfc4514_string() for certificate in load_certificates("signer.cert.pem")]
['CN=dcmseal demo signer']
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dcmseal.errors import CertificateNotValid, KeyNotFound, SealError
from dcmseal.plugins.certificate_formats import NoCertificates, extract_certificate_ders
from dcmseal.plugins.pem import load_file
from dcmseal.warning_filter import suppress_warnings

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


def load_certificates(
    path: str | os.PathLike[str],
    *,
    unreadable: type[SealError] = KeyNotFound,
    invalid: type[SealError] = CertificateNotValid,
) -> tuple[Certificate, ...]:
    """Load the certificates of a file: X.509, PKCS #7, or PKCS #12 without passphrase, in DER, PEM or base64.

    Args:
        path: A file of at most 1 MiB.
        unreadable: The error to raise if the file cannot be read.
        invalid: The error to raise if the file contains no certificate, or a damaged one.

    Raises:
        SealError: The error of type ``unreadable`` or ``invalid``.
    """
    data = load_file(path, error=unreadable)
    return parse_certificates(data, os.fspath(path), invalid)


def parse_certificates(
    data: bytes, name: str, invalid: type[SealError] = CertificateNotValid
) -> tuple[Certificate, ...]:
    """Parse the certificates in the contents of a file.

    Args:
        data: The contents.
        name: The name of the file, for messages.
        invalid: The error to raise if there is no certificate, or a damaged one.

    Raises:
        SealError: The error of type ``invalid``.
    """
    try:
        encoded = extract_certificate_ders(data)
    except NoCertificates as error:
        raise no_certificates_error(error, name, invalid) from None
    return tuple(parse_certificate(each, name, invalid) for each in encoded)


def no_certificates_error(error: NoCertificates, name: str, invalid: type[SealError]) -> SealError:
    """Build the error for a file without certificates."""
    what = f": it is {error}" if str(error) else ""
    return invalid(f"{name!r} contains no usable certificate{what}", hint=error.hint)


def parse_certificate(der: bytes, name: str, invalid: type[SealError] = CertificateNotValid) -> Certificate:
    """Parse one certificate, without trailing data, from a file that messages call ``name``; raises ``invalid``."""
    from cryptography.x509 import InvalidVersion, load_der_x509_certificate

    try:
        with suppress_warnings():
            return load_der_x509_certificate(der)
    except (ValueError, InvalidVersion):
        raise invalid(f"a certificate in {name!r} cannot be read", hint="get the file again from its issuer") from None
