"""The signer backend ``example:``: new keys in memory, with self-signed certificates."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dcmseal.plugins import (
    DeviceUnavailable,
    KeyListing,
    KeyNotFound,
    KeyType,
    KeyUri,
    PinRejected,
    SecretRequest,
    Secrets,
    SignableMessage,
    Signer,
    SignerError,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

PIN = "1234"


@dataclass(slots=True, kw_only=True)
class ExampleDevice:
    """Simulates a card in a reader, or a server."""

    is_connected: bool = True

    def check(self) -> None:
        """Raise DeviceUnavailable if it is disconnected."""
        if not self.is_connected:
            raise DeviceUnavailable("the example device is disconnected", hint="reconnect it and try again")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleBackend:
    """Opens ``example:ec``, and ``example:rsa``, which needs a PIN."""

    scheme: str = "example"
    summary: str = "a new key in memory, for tests: example:ec or example:rsa"
    device: ExampleDevice = field(default_factory=ExampleDevice)

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        from cryptography.hazmat.primitives.asymmetric import ec, rsa

        parsed = KeyUri.parse(uri)
        parsed.check_attributes()
        self.device.check()
        signer: ExampleSigner
        if parsed.path == "ec":
            signer = EcSigner(self.device, ec.generate_private_key(ec.SECP384R1()))
        elif parsed.path == "rsa":
            if secrets(SecretRequest(purpose="example RSA key", uri=parsed.without_query())) != PIN:
                raise PinRejected("wrong PIN", hint="backend.py of the example contains it")
            signer = RsaSigner(self.device, rsa.generate_private_key(65537, 2048))
        else:
            raise KeyNotFound("unknown example key", hint="use example:ec or example:rsa")
        try:
            yield signer
        finally:
            signer.is_open = False

    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        return (
            KeyListing(uri="example:ec", label="EC key", key_type=KeyType.EC),
            KeyListing(uri="example:rsa", label="RSA key", key_type=KeyType.RSA),
        )


class ExampleSigner:
    """The common part of both signers."""

    key_type: KeyType

    def __init__(self, device: ExampleDevice, key: RSAPrivateKey | EllipticCurvePrivateKey) -> None:
        self.device = device
        self.certificate_chain = (_make_certificate(key),)
        self.is_open = True

    def sign(self, message: SignableMessage) -> bytes:
        if not self.is_open:
            raise SignerError("the example key is closed", hint="sign inside the context that opened it")
        self.device.check()
        return self.signature(message)

    def signature(self, message: SignableMessage) -> bytes:
        raise NotImplementedError


class RsaSigner(ExampleSigner):
    """Signs the DigestInfo."""

    key_type = KeyType.RSA

    def __init__(self, device: ExampleDevice, key: RSAPrivateKey) -> None:
        super().__init__(device, key)
        self._key = key

    def signature(self, message: SignableMessage) -> bytes:
        from cryptography.hazmat.primitives.asymmetric import padding, utils

        return self._key.sign(message.digest_info, padding.PKCS1v15(), utils.NoDigestInfo())


class EcSigner(ExampleSigner):
    """Signs the digest; for SHA512, it hashes the message itself, like some devices."""

    key_type = KeyType.EC

    def __init__(self, device: ExampleDevice, key: EllipticCurvePrivateKey) -> None:
        super().__init__(device, key)
        self._key = key

    def signature(self, message: SignableMessage) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        if message.algorithm == "SHA512":
            return self._key.sign(b"".join(message.chunks()), ec.ECDSA(hashes.SHA512()))
        by_size = {16: hashes.MD5(), 20: hashes.SHA1(), 32: hashes.SHA256(), 48: hashes.SHA384()}
        return self._key.sign(message.digest, ec.ECDSA(utils.Prehashed(by_size[len(message.digest)])))


def _make_certificate(key: RSAPrivateKey | EllipticCurvePrivateKey) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Example, not to be trusted")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=1),
        not_valid_after=now + timedelta(days=1),
    )
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)
