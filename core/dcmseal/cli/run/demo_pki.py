"""A throwaway authority and a signer certified by it, for demonstrations only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography import x509

_SIGNER_NAME: Final = "dcmseal demo signer"
_CERTIFICATE_FILE: Final = "signer.cert.pem"
_VALIDITY_DAYS: Final = 30
_LEEWAY: Final = timedelta(minutes=5)


def write_signer(folder: Path) -> None:
    """Write ``signer.key.pem``, which only its owner can read, ``signer.cert.pem`` and ``authority.cert.pem``.

    The key of the authority is not written, so it cannot certify anything else.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from dcmseal.output.dataset_output import write_chunks
    from dcmseal.output.file_permissions import FilePermissions

    authority_key = rsa.generate_private_key(65537, 2048)
    signer_key = rsa.generate_private_key(65537, 2048)
    authority_name = _make_name("dcmseal demo authority")
    authority = (
        _make_builder()
        .subject_name(authority_name)
        .issuer_name(authority_name)
        .public_key(authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_make_key_usage(authority=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    signer = (
        _make_builder()
        .subject_name(_make_name(_SIGNER_NAME))
        .issuer_name(authority_name)
        .public_key(signer_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_make_key_usage(authority=False), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    key = signer_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_chunks([key], folder / "signer.key.pem", FilePermissions.owner_only())
    write_chunks([signer.public_bytes(Encoding.PEM)], folder / _CERTIFICATE_FILE)
    write_chunks([authority.public_bytes(Encoding.PEM)], folder / "authority.cert.pem")


def is_demo_folder(folder: Path) -> bool:
    """Whether the files in a folder are from a demonstration: it has such a certificate."""
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate((folder / _CERTIFICATE_FILE).read_bytes())
    except (OSError, ValueError):
        return False
    return certificate.subject == _make_name(_SIGNER_NAME)


def _make_builder() -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LEEWAY)
        .not_valid_after(now + timedelta(days=_VALIDITY_DAYS))
    )


def _make_name(common_name: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def _make_key_usage(*, authority: bool) -> x509.KeyUsage:
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
