"""A signer with a key in the HSM: PKCS #1 v1.5 for RSA (PS3.15 C.1), ECDSA over the digest."""

from __future__ import annotations

from dcmseal.plugins import KeyType, SignableMessage, SignerError
from dcmseal_acme.device import Device, Key, Session
from dcmseal_acme.failures import translate_errors


class AcmeSigner:
    """Signs until it is closed."""

    __slots__ = ("_device", "_key", "_session", "certificate_chain", "key_type")

    def __init__(self, device: Device, session: Session, key: Key) -> None:
        self._device = device
        self._session: Session | None = session
        self._key = key
        self.key_type = KeyType[key.kind]
        self.certificate_chain = (key.certificate,)

    def __repr__(self) -> str:
        return f"<{'closed' if self._session is None else 'open'} Acme {self.key_type.value} key>"

    def sign(self, message: SignableMessage) -> bytes:
        """Return a PKCS #1 v1.5 signature of modulus length (RSA), or the DER of ``SEQUENCE(r, s)`` (EC)."""
        session = self._session
        if session is None:
            raise SignerError("the key is closed", hint="sign inside the context that opened the key")
        # Outside of translate_errors: this reads the Data Set, whose errors are not those of the device.
        data = message.digest_info if self.key_type is KeyType.RSA else message.digest
        with translate_errors():
            signature = self._device.sign(session, self._key, data)
        return signature if self.key_type is KeyType.RSA else _encode_signature(signature)

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            self._device.logout(self._session)
            self._session = None


def _encode_signature(signature: bytes) -> bytes:
    """Encode r and s of equal length, as most devices return them, as ``SEQUENCE(r, s)`` (RFC 3279 2.2.3)."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    middle = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:middle], "big"), int.from_bytes(signature[middle:], "big"))
