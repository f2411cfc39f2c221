"""Keys and certificates in files, in every format that the software backends read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from tests.support.pki import Pki

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey | ed25519.Ed25519PrivateKey
PASSPHRASE = "Grüße, 4711"


class KeyFolder:
    """A folder of keys ``NAME.<format>`` and certificates ``NAME.cert.pem``, ``NAME.cert.der``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.certificates: dict[str, x509.Certificate] = {}

    def __getitem__(self, name: str) -> str:
        """The path of a file, as text."""
        return str(self.path / name)

    def write(self, name: str, *parts: bytes) -> str:
        """Write a file and return its path as text."""
        (self.path / name).write_bytes(b"".join(parts))
        return self[name]

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def add(self, name: str, key: PrivateKey) -> None:
        """Write a key and its certificate in all formats."""
        certificate = self.certificates[name] = _self_signed(key, name)
        locked = BestAvailableEncryption(PASSPHRASE.encode())
        formats = [("pkcs8", PrivateFormat.PKCS8, NoEncryption()), ("locked", PrivateFormat.PKCS8, locked)]
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            formats.append(("old", PrivateFormat.TraditionalOpenSSL, NoEncryption()))
            self.write(
                f"{name}.oldlocked.pem", key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, locked)
            )
        for label, format_, encryption in formats:
            self.write(f"{name}.{label}.pem", key.private_bytes(Encoding.PEM, format_, encryption))
            self.write(f"{name}.{label}.der", key.private_bytes(Encoding.DER, format_, encryption))
        for label, encryption in (("p12", NoEncryption()), ("locked.p12", locked)):
            bag = serialize_key_and_certificates(name.encode(), key, certificate, None, encryption)
            self.write(f"{name}.{label}", bag)
        self.write(f"{name}.cert.pem", certificate.public_bytes(Encoding.PEM))
        self.write(f"{name}.cert.der", certificate.public_bytes(Encoding.DER))
        public = key.public_key()
        self.write(f"{name}.public.pem", public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        self.write(f"{name}.public.der", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def der(self, name: str) -> bytes:
        """The certificate of a key."""
        return self.certificates[name].public_bytes(Encoding.DER)


def _self_signed(key: PrivateKey, name: str) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2046, 1, 1, tzinfo=UTC))
        .sign(key, digest)
    )


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> KeyFolder:
    folder = KeyFolder(tmp_path_factory.mktemp("keys"))
    for name in ("rsa2048", "p256", "p384", "p521", "dsa2048"):
        folder.add(name.removesuffix("2048"), pki[name].key)
    return folder
