"""A throw-away public key infrastructure in a folder: one root, and signers of every kind of key.

Keys are made when first asked for (RSA keys take their time) and kept in the folder. Nobody trusts any of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey

PASSPHRASE = "correct horse"
"""Opens every encrypted key and PKCS #12 file."""
NOT_BEFORE = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
NOT_AFTER = dt.datetime(2124, 1, 1, tzinfo=dt.UTC)

_KEYS: dict[str, Callable[[], PrivateKey]] = {
    "root": partial(rsa.generate_private_key, 65537, 2048),
    "stranger-root": partial(ec.generate_private_key, ec.SECP256R1()),
    "rsa2048": partial(rsa.generate_private_key, 65537, 2048),
    "rsa3072": partial(rsa.generate_private_key, 65537, 3072),
    "rsa4096": partial(rsa.generate_private_key, 65537, 4096),
    "p256": partial(ec.generate_private_key, ec.SECP256R1()),
    "p384": partial(ec.generate_private_key, ec.SECP384R1()),
    "p521": partial(ec.generate_private_key, ec.SECP521R1()),
    "dsa2048": partial(dsa.generate_private_key, 2048),
}
_KEY_NAMES = {"expired": "rsa2048", "not-yet-valid": "rsa2048", "twin": "rsa2048", "stranger": "p256"}
_ISSUER_NAMES = {"root": "root", "stranger-root": "stranger-root", "stranger": "stranger-root"}

SIGNERS = ("rsa2048", "rsa3072", "p256", "p384", "p521", "dsa2048")
"""Good signers whose keys are made quickly; ``rsa4096`` is another."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key and its certificate, in memory and in files."""

    name: str
    key: PrivateKey
    certificate: x509.Certificate
    folder: Path

    @property
    def key_pem(self) -> Path:
        """PKCS #8, PEM, not encrypted."""
        return self._write("key.pem", self._private(Encoding.PEM))

    @property
    def key_der(self) -> Path:
        """PKCS #8, DER, not encrypted."""
        return self._write("key.der", self._private(Encoding.DER))

    @property
    def key_traditional_pem(self) -> Path:
        """The older PEM form of each kind of key (PKCS #1, SEC 1)."""
        data = self.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        return self._write("traditional.pem", data)

    @property
    def encrypted_key_pem(self) -> Path:
        """PKCS #8, PEM, encrypted with PASSPHRASE."""
        return self._write("encrypted.pem", self._private(Encoding.PEM, PASSPHRASE))

    @property
    def encrypted_key_der(self) -> Path:
        """PKCS #8, DER, encrypted with PASSPHRASE."""
        return self._write("encrypted.der", self._private(Encoding.DER, PASSPHRASE))

    @property
    def certificate_pem(self) -> Path:
        return self._write("crt.pem", self.certificate.public_bytes(Encoding.PEM))

    @property
    def certificate_der(self) -> Path:
        return self._write("crt.der", self.der)

    @property
    def key_and_certificate_pem(self) -> Path:
        """One PEM file with the key (PKCS #8, not encrypted) first and the certificate after it."""
        data = self._private(Encoding.PEM) + self.certificate.public_bytes(Encoding.PEM)
        return self._write("both.pem", data)

    @property
    def p12(self) -> Path:
        """PKCS #12 with key and certificate, encrypted with PASSPHRASE."""
        data = pkcs12.serialize_key_and_certificates(
            self.name.encode(), self.key, self.certificate, None, BestAvailableEncryption(PASSPHRASE.encode())
        )
        return self._write("p12", data)

    @property
    def der(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.DER)

    def _private(self, encoding: Encoding, passphrase: str = "") -> bytes:
        encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        return self.key.private_bytes(encoding, PrivateFormat.PKCS8, encryption)

    def _write(self, suffix: str, data: bytes) -> Path:
        path = self.folder / f"{self.name}.{suffix}"
        if not path.exists():
            path.write_bytes(data)
            path.chmod(0o600)
        return path


class Pki:
    """Identities by name: the SIGNERS, ``rsa4096``, and the awkward ones.

    ``expired`` and ``not-yet-valid`` speak for themselves; ``twin`` is another certificate for the key of ``rsa2048``;
    ``stranger`` has a certificate of another authority. All of these but the last share the key of ``rsa2048``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._keys: dict[str, PrivateKey] = {}
        self._identities: dict[str, Identity] = {}
        self._serial = 1000

    def __getitem__(self, name: str) -> Identity:
        if name not in self._identities:
            self._identities[name] = Identity(name, self._key(name), self._certificate(name), self.folder)
        return self._identities[name]

    @property
    def root(self) -> Identity:
        """The authority that signed all but the stranger."""
        return self["root"]

    @property
    def trust(self) -> tuple[Path]:
        """The trust anchor as PEM file."""
        return (self.root.certificate_pem,)

    def _key(self, name: str) -> PrivateKey:
        maker = _KEY_NAMES.get(name, name)
        if maker not in self._keys:
            self._keys[maker] = _KEYS[maker]()
        return self._keys[maker]

    def _certificate(self, name: str) -> x509.Certificate:
        issuer = _ISSUER_NAMES.get(name, "root")
        authority = name == issuer
        public = self._key(name).public_key()
        issuer_key = self._key(issuer)
        not_before, not_after = NOT_BEFORE, NOT_AFTER
        if name == "expired":
            not_after = NOT_BEFORE + dt.timedelta(days=30)
        if name == "not-yet-valid":
            not_before = NOT_AFTER - dt.timedelta(days=30)
        self._serial += 1
        builder = (
            x509.CertificateBuilder()
            .subject_name(_subject(name))
            .issuer_name(_subject(issuer))
            .public_key(public)
            .serial_number(self._serial)
            .not_valid_before(not_before)
            .not_valid_after(not_after)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(_key_usage(authority), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        )
        return builder.sign(issuer_key, hashes.SHA256())


def _subject(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "dcmseal tests"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _key_usage(authority: bool) -> x509.KeyUsage:
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


def rsa_public_key(identity: Identity) -> rsa.RSAPublicKey:
    """The public key of an identity that has an RSA key."""
    key = identity.key.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key
