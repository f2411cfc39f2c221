"""A signer backend of one RSA key that keeps the contract, in steps that a bad one can get wrong."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from dcmseal.errors import DeviceUnavailable, KeyNotFound, PinRejected, SignerError
from dcmseal.plugins.key_uri import KeyUri
from dcmseal.plugins.signer_backend import KeyListing, SecretRequest, Secrets, SignableMessage, Signer
from dcmseal.terms import KeyType

PIN = "482917"


class OneKey:
    scheme = "one"
    summary = "one key, which is one:key"

    def __init__(self, key: rsa.RSAPrivateKey, chain: tuple[bytes, ...]) -> None:
        self.key = key
        self.chain = chain
        self.key_type = KeyType.RSA
        self.is_there = True

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        self.find(uri)
        self.expect_device()
        self.unlock(secrets)
        signer = self.opened()
        try:
            yield signer
        finally:
            self.close(signer)

    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        return (KeyListing(uri="one:key", label="the key", key_type=self.key_type),)

    def find(self, uri: str) -> None:
        parsed = KeyUri.parse(uri)
        parsed.check_attributes()
        if parsed.path != "key":
            raise KeyNotFound("there is no such key", hint="write one:key")

    def expect_device(self) -> None:
        if not self.is_there:
            raise DeviceUnavailable("the device is not there", hint="put it back")

    def unlock(self, secrets: Secrets) -> None:
        if self.ask(secrets) != PIN:
            raise PinRejected("the PIN is wrong, or was not given", hint="try another")

    def ask(self, secrets: Secrets) -> str | None:
        return secrets(SecretRequest(purpose="the key", uri="one:key"))

    def opened(self) -> OneSigner:
        return OneSigner(self)

    def signature(self, message: SignableMessage) -> bytes:
        return self.key.sign(message.digest_info, padding.PKCS1v15(), utils.NoDigestInfo())

    def close(self, signer: OneSigner) -> None:
        signer.is_open = False


class OneSigner:
    def __init__(self, backend: OneKey) -> None:
        self.backend = backend
        self.certificate_chain = backend.chain
        self.key_type = backend.key_type
        self.is_open = True

    def sign(self, message: SignableMessage) -> bytes:
        if not self.is_open:
            raise SignerError("the key is closed", hint="sign while it is open")
        self.backend.expect_device()
        return self.backend.signature(message)
