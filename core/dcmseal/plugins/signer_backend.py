"""The interface of signer plugins: backends that open signing keys, and the keys themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from typing import Final, Protocol, cast

from msgspec import Struct, field

from dcmseal.errors import PluginBroken, SignerError, UsageError
from dcmseal.plugins import guard
from dcmseal.plugins.guard import Guard, Origin, guarded_context
from dcmseal.plugins.key_uri import KeyUri
from dcmseal.terms import KeyType, MacAlgorithm


class SignableMessage(Protocol):
    """The message to sign, in three views; use the one that fits the device."""

    @property
    def algorithm(self) -> MacAlgorithm:
        """The MAC algorithm, which determines the hash function."""
        ...

    @property
    def digest(self) -> bytes:
        """The hash of the message, for ECDSA and DSA."""
        ...

    @property
    def digest_info(self) -> bytes:
        """The DigestInfo of PKCS #1 v1.5, for RSA."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """The message itself in pieces, for devices that hash it themselves."""
        ...


class Signer(Protocol):
    """A key that can sign, with its certificates."""

    @property
    def certificate_chain(self) -> tuple[bytes, ...]:
        """DER certificates, the signer's own first; never empty."""
        ...

    @property
    def key_type(self) -> KeyType:
        """The type of the key."""
        ...

    def sign(self, message: SignableMessage) -> bytes:
        """Sign a message. Several threads may call this at once.

        Returns:
            For RSA, a PKCS #1 v1.5 signature of modulus length; for EC and DSA, the DER of ``SEQUENCE(r, s)``.

        Raises:
            SignerError: The key or the device cannot sign.
        """
        ...


class SecretRequest(Struct, frozen=True, kw_only=True):
    """A request of a backend for a PIN or passphrase."""

    purpose: str
    """What the secret unlocks, in words for people, such as ``private key signer.pem``."""
    uri: str
    """The key URI without its query, as a key for lookups."""
    attempt: int = 1


Secrets = Callable[[SecretRequest], str | None]
"""Returns the secret for a request, or None if there is none."""


class KeyListing(Struct, frozen=True, kw_only=True):
    """A key that a backend found, and the URI that opens it."""

    uri: str
    label: str
    key_type: KeyType | None = None
    detail: Mapping[str, str] = field(default_factory=dict[str, str])
    problem: str = ""
    """Why the key cannot be used; empty if it can."""


class SignerBackend(Protocol):
    """Opens keys of one key URI scheme."""

    @property
    def scheme(self) -> str:
        """The scheme of the key URIs in lower case, such as ``pkcs11``."""
        ...

    @property
    def summary(self) -> str:
        """One line for the list of plugins."""
        ...

    def open(self, uri: str, secrets: Secrets) -> AbstractContextManager[Signer]:
        """Open a key. The signer must refuse to sign after the context has ended.

        Args:
            uri: The key URI.
            secrets: Asks for the PIN or passphrase; call it only if the key needs one.

        Raises:
            SignerError: The key cannot be opened; a subclass says why.
            UsageError: The key URI is invalid.
        """
        ...

    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        """List the keys that the backend can find, without asking for a secret.

        Args:
            uri: A key URI that restricts the list; empty for all keys.

        Raises:
            SignerError: The device cannot be queried.
        """
        ...


_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{1,31}", re.ASCII)
_MAX_KEYS: Final = 10_000
_MAX_CERTIFICATES: Final = 64
_MAX_TEXT_LENGTH: Final = 10_000
_DER_SEQUENCE: Final = b"\x30"


class GuardedSignerBackend:
    """A SignerBackend that checks what the plugin returns, and raises errors of dcmseal only."""

    __slots__ = ("_backend", "_blame", "_guard", "scheme", "summary")

    def __init__(self, backend: SignerBackend, origin: Origin) -> None:
        with Guard(f"a signer backend of {origin}", PluginBroken):
            self.scheme = guard.check_name(backend.scheme, _SCHEME, "scheme")
            self.summary = guard.check_text(backend.summary, "summary")
            guard.check_methods(backend, "open", "list_keys")
        self._backend = backend
        self._blame = f"the backend for {self.scheme}: keys of {origin}"
        self._guard = Guard(self._blame, SignerError)

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        with guarded_context(self._guard, lambda: self._backend.open(uri, check_secrets(secrets))) as key:
            signer = GuardedSigner(key, self._guard)
            try:
                yield signer
            finally:
                signer.close()

    def list_keys(self, uri: str = "") -> tuple[KeyListing, ...]:
        with self._guard:
            found = tuple(islice(self._backend.list_keys(uri), _MAX_KEYS))
            return tuple(map(self._check_listing, guard.check_tuple(found, KeyListing, "list_keys")))

    def _check_listing(self, listing: KeyListing) -> KeyListing:
        detail = cast("dict[object, object]", dict(listing.detail))
        for text in (listing.uri, listing.label, listing.problem, *detail, *detail.values()):
            if len(guard.check_instance(text, str, "list_keys")) > _MAX_TEXT_LENGTH:
                raise guard.InvalidAnswer(f"list_keys returned a text of more than {_MAX_TEXT_LENGTH} characters")
        if listing.key_type is not None:
            guard.check_instance(listing.key_type, KeyType, "list_keys")
        if listing.uri and KeyUri.parse(listing.uri).scheme != self.scheme:
            raise guard.InvalidAnswer("list_keys returned a key URI of another scheme")
        return listing


class GuardedSigner:
    """A Signer with DER certificates and signatures of bytes, which refuses to sign once it is closed."""

    __slots__ = ("_guard", "_signer", "certificate_chain", "key_type")

    def __init__(self, signer: Signer, signer_guard: Guard) -> None:
        with signer_guard:
            self.certificate_chain = _check_chain(signer.certificate_chain)
            self.key_type = guard.check_instance(signer.key_type, KeyType, "key_type")
            guard.check_methods(signer, "sign")
        self._guard = signer_guard
        self._signer: Signer | None = signer

    def __repr__(self) -> str:
        return f"<{'closed' if self._signer is None else 'open'} {self.key_type.value} key>"

    def sign(self, message: SignableMessage) -> bytes:
        signer = self._signer
        if signer is None:
            raise SignerError("the key is closed", hint="sign inside the context that opened the key")
        with self._guard:
            signature = guard.check_instance(signer.sign(message), bytes, "sign")
            if not signature:
                raise guard.InvalidAnswer("sign returned an empty signature")
            return signature

    def close(self) -> None:
        """Release the key."""
        self._signer = None


def _check_chain(value: object) -> tuple[bytes, ...]:
    chain = guard.check_tuple(value, bytes, "certificate_chain")
    if 1 <= len(chain) <= _MAX_CERTIFICATES and all(der.startswith(_DER_SEQUENCE) for der in chain):
        return chain
    raise guard.InvalidAnswer(f"certificate_chain is not 1 to {_MAX_CERTIFICATES} DER certificates")


def check_secrets(secrets: Callable[[SecretRequest], object]) -> Secrets:
    """Wrap the callback of an application so that it returns a string or None, or raises UsageError."""

    def answer(request: SecretRequest) -> str | None:
        secret = secrets(request)
        if secret is None or isinstance(secret, str):
            return secret
        del secret
        raise UsageError("a passphrase or PIN must be a string", hint="return str or None from secrets")

    return answer
