"""Simulates an HSM and its library: replace this module with yours.

It behaves like real ones: sessions end when it is disconnected, the PIN locks after three wrong attempts, errors are
numbers, ECDSA signatures are r and s without DER, and EC keys reject digests shorter than SHA-256.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import cache
from threading import Lock
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding

PIN: Final = "571043"
_TRIES: Final = 3
PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_HASHES: Final = {hash_.digest_size: hash_ for hash_ in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())}


class Code(IntEnum):
    """Error codes of the library."""

    NO_DEVICE = 1
    NO_SESSION = 2
    NO_KEY = 3
    WRONG_PIN = 4
    LOCKED = 5
    REFUSED = 6


class AcmeError(Exception):
    """An error of the library, with its code."""

    def __init__(self, code: Code) -> None:
        super().__init__(f"acme error {code:#04x}")
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key, as the device describes it."""

    label: str
    kind: str
    """RSA or EC."""
    certificate: bytes


class Session:
    """A login."""


@dataclass(kw_only=True)
class Device:
    """An HSM, which processes one request at a time."""

    private_keys: Mapping[str, PrivateKey] = field(repr=False)
    certificates: Mapping[str, bytes] = field(repr=False)
    is_connected: bool = True
    _tries: int = _TRIES
    _sessions: set[Session] = field(default_factory=set[Session], repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def all_keys(self) -> tuple[Key, ...]:
        """Return all keys."""
        self._check_connection()
        return tuple(map(self.find, self.private_keys))

    def find(self, label: str) -> Key:
        """Return the key of a label."""
        self._check_connection()
        if label not in self.private_keys:
            raise AcmeError(Code.NO_KEY)
        kind = "RSA" if isinstance(self.private_keys[label], rsa.RSAPrivateKey) else "EC"
        return Key(label=label, kind=kind, certificate=self.certificates[label])

    def login(self, pin: str) -> Session:
        """Begin a session."""
        with self._lock:
            self._check_connection()
            if not self._tries:
                raise AcmeError(Code.LOCKED)
            self._tries -= 1
            if pin != PIN:
                raise AcmeError(Code.WRONG_PIN)
            self._tries = _TRIES
            session = Session()
            self._sessions.add(session)
            return session

    def logout(self, session: Session) -> None:
        """End a session."""
        with self._lock:
            self._sessions.discard(session)

    def sign(self, session: Session, key: Key, data: bytes) -> bytes:
        """Sign a DigestInfo (RSA) or a digest (EC)."""
        with self._lock:
            self._check_connection()
            if session not in self._sessions:
                raise AcmeError(Code.NO_SESSION)
            private_key = self.private_keys[key.label]
            if isinstance(private_key, rsa.RSAPrivateKey):
                return private_key.sign(data, padding.PKCS1v15(), utils.NoDigestInfo())
            if len(data) not in _HASHES:
                raise AcmeError(Code.REFUSED)
            signature = private_key.sign(data, ec.ECDSA(utils.Prehashed(_HASHES[len(data)])))
            size = (private_key.key_size + 7) // 8
            return b"".join(number.to_bytes(size, "big") for number in utils.decode_dss_signature(signature))

    def disconnect(self) -> None:
        """Pull the cable; all sessions end."""
        self.is_connected = False
        self._sessions.clear()

    def connect(self) -> None:
        """Put the cable back."""
        self.is_connected = True

    def _check_connection(self) -> None:
        if not self.is_connected:
            raise AcmeError(Code.NO_DEVICE)


@cache
def connected_device() -> Device:
    """Return the HSM of this machine; the simulated one is created on first use, with two keys."""
    private_keys: dict[str, PrivateKey] = {
        "reading-room": ec.generate_private_key(ec.SECP256R1()),
        "archive": rsa.generate_private_key(65537, 2048),
    }
    certificates = {label: _make_certificate(label, key) for label, key in private_keys.items()}
    return Device(private_keys=private_keys, certificates=certificates)


def _make_certificate(label: str, key: PrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{label} (test only)")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=1),
        not_valid_after=now + timedelta(days=1),
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
