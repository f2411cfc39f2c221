"""The key pair that both implementations sign with: RSA 2048 and a self-signed certificate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo
from cryptography.x509.oid import NameOID

from dcmseal.plugins.signer_backend import SignableMessage
from dcmseal.terms import KeyType


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchIdentity:
    """A key that is already open (a Signer), and the PEM files that DCMTK reads it from."""

    key: rsa.RSAPrivateKey
    certificate: bytes
    key_file: Path
    certificate_file: Path

    @property
    def certificate_chain(self) -> tuple[bytes, ...]:
        return (self.certificate,)

    @property
    def key_type(self) -> KeyType:
        return KeyType.RSA

    def sign(self, message: SignableMessage) -> bytes:
        return self.key.sign(message.digest_info, padding.PKCS1v15(), NoDigestInfo())


def make_identity(folder: Path) -> BenchIdentity:
    """A fresh key, valid for a year either way."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dcmseal benchmark")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=365))
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    identity = BenchIdentity(
        key=key,
        certificate=certificate.public_bytes(serialization.Encoding.DER),
        key_file=folder / "signer.key",
        certificate_file=folder / "signer.pem",
    )
    identity.key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    identity.certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return identity
