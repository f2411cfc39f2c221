"""Certificates in files, PEM or DER, for whoever is given the name of one.

>>> [certificate.subject.rfc4514_string() for certificate in certificates_in("signer.cert.pem")]
['CN=dcmseal demo signer']
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from dcmseal.errors import CertificateNotValid, KeyNotFound, SealError
from dcmseal.plugins.pem import PemBlock, contents, pem_blocks
from dcmseal.quiet import without_warnings

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

CERTIFICATE_LABELS: Final = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})
"""Labels of PEM blocks that hold a certificate (RFC 7468 5.1)."""


def certificates_in(
    path: str | os.PathLike[str],
    *,
    unreadable: type[SealError] = KeyNotFound,
    damaged: type[SealError] = CertificateNotValid,
) -> tuple[Certificate, ...]:
    """The certificates of a file of at most 1 MiB, PEM with one or several, or one in DER.

    Raises ``unreadable`` if there is no such file, and ``damaged`` if it holds no certificate, or one that is damaged.
    """
    data = contents(path, error=unreadable)
    name = os.fspath(path)
    if data.startswith(b"\x30"):
        return (certificate_of(data, name, damaged),)
    blocks = (each for each in pem_blocks(data) if each.label in CERTIFICATE_LABELS)
    found = tuple(certificate_in(block, name, damaged) for block in blocks)
    if not found:
        raise damaged(f"{name!r} holds no certificate", hint="name a PEM or DER file of a certificate")
    return found


def certificate_in(block: PemBlock, name: str, damaged: type[SealError] = CertificateNotValid) -> Certificate:
    """The certificate in a PEM block of a file of that name; raises ``damaged``."""
    try:
        der = block.der
    except ValueError:
        der = b""
    return certificate_of(der, name, damaged)


def certificate_of(der: bytes, name: str, damaged: type[SealError] = CertificateNotValid) -> Certificate:
    """One certificate and nothing after it, from a file of that name; raises ``damaged``."""
    from cryptography.x509 import InvalidVersion, load_der_x509_certificate

    try:
        with without_warnings():
            return load_der_x509_certificate(der)
    except (ValueError, InvalidVersion):
        raise damaged(f"a certificate in {name!r} cannot be read", hint="get the file again from its issuer") from None
