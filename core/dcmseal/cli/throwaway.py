"""A throw-away authority and a signer that it certifies: for demonstrations, and for nothing else."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography import x509

_DAYS: Final = 30
_LEEWAY: Final = timedelta(minutes=5)


def write_signer(folder: Path) -> None:
    """Write ``signer.key.pem``, which its owner alone can read, ``signer.cert.pem`` and ``authority.cert.pem``.

    The authority's key is not written: it can certify nobody else.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    authority_key = rsa.generate_private_key(65537, 2048)
    signer_key = rsa.generate_private_key(65537, 2048)
    authority_name = _name("dcmseal demo authority")
    authority = (
        _builder()
        .subject_name(authority_name)
        .issuer_name(authority_name)
        .public_key(authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    signer = (
        _builder()
        .subject_name(_name("dcmseal demo signer"))
        .issuer_name(authority_name)
        .public_key(signer_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    _write_private(
        folder / "signer.key.pem", signer_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    (folder / "signer.cert.pem").write_bytes(signer.public_bytes(Encoding.PEM))
    (folder / "authority.cert.pem").write_bytes(authority.public_bytes(Encoding.PEM))


def _write_private(path: Path, data: bytes) -> None:
    with suppress(FileNotFoundError):
        path.unlink()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _builder() -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LEEWAY)
        .not_valid_after(now + timedelta(days=_DAYS))
    )


def _name(common_name: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def _usage(*, authority: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
