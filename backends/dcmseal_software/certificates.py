"""Certificates in files, PEM or DER, whatever the format of the key."""

from __future__ import annotations

from typing import Final

from cryptography.x509 import Certificate, load_der_x509_certificate, load_pem_x509_certificate

from dcmseal.errors import CertificateNotValid
from dcmseal_software.files import PemBlock, contents, pem_blocks

_LABELS: Final = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})


def certificates_in(path: str) -> tuple[Certificate, ...]:
    """The certificates of a file, PEM or DER; raises CertificateNotValid if there is none, or a damaged one."""
    data = contents(path)
    if data.startswith(b"\x30"):
        try:
            return (load_der_x509_certificate(data),)
        except ValueError:
            raise _unreadable(path) from None
    found = tuple(each for block in pem_blocks(data) if (each := certificate_in(block, path)))
    if not found:
        raise CertificateNotValid(f"{path!r} holds no certificate", hint="name a PEM or DER file of a certificate")
    return found


def certificate_in(block: PemBlock, path: str) -> Certificate | None:
    """The certificate in a PEM block, or None if the block is labelled as something else."""
    if block.label not in _LABELS:
        return None
    try:
        return load_pem_x509_certificate(block.text)
    except ValueError:
        raise _unreadable(path) from None


def _unreadable(path: str) -> CertificateNotValid:
    return CertificateNotValid(f"a certificate in {path!r} cannot be read", hint="get the file again from its issuer")
