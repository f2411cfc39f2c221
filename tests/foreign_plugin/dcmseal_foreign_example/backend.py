"""The signer backend ``example:ec`` and ``example:rsa``: a fresh key in memory with a self-signed certificate."""

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
    """Stands for a card in a reader, or a server in the network."""

    is_there: bool = True

    def expect(self) -> None:
        """Raise DeviceUnavailable if it is not there."""
        if not self.is_there:
            raise DeviceUnavailable("the example device is not there", hint="put it back, and try again")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleBackend:
    """``example:ec`` opens at once, ``example:rsa`` asks for a PIN."""

    scheme: str = "example"
    summary: str = "a fresh key in memory, for tests: example:ec or example:rsa"
    device: ExampleDevice = field(default_factory=ExampleDevice)

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        from cryptography.hazmat.primitives.asymmetric import ec, rsa

        parsed = KeyUri.parse(uri)
        parsed.check_attributes()
        self.device.expect()
        signer: ExampleSigner
        if parsed.path == "ec":
            signer = EcSigner(self.device, ec.generate_private_key(ec.SECP384R1()))
        elif parsed.path == "rsa":
            if secrets(SecretRequest(purpose="example RSA key", uri=parsed.without_query())) != PIN:
                raise PinRejected("that is not the PIN", hint="it stands in backend.py of the example")
            signer = RsaSigner(self.device, rsa.generate_private_key(65537, 2048))
        else:
            raise KeyNotFound("there is no such example key", hint="write example:ec or example:rsa")
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
    """What both kinds of key share."""

    key_type: KeyType

    def __init__(self, device: ExampleDevice, key: RSAPrivateKey | EllipticCurvePrivateKey) -> None:
        self.device = device
        self.certificate_chain = (_self_signed(key),)
        self.is_open = True

    def sign(self, message: SignableMessage) -> bytes:
        if not self.is_open:
            raise SignerError("the example key is closed", hint="sign while it is open")
        self.device.expect()
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
    """Signs the digest, but hashes itself where it can, as some devices insist on."""

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


def _self_signed(key: RSAPrivateKey | EllipticCurvePrivateKey) -> bytes:
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
