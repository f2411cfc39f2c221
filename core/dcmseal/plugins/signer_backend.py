"""Signer backends of plugins behind a guard: keys are checked when opened, and closed whatever happens."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol, cast

from dcmseal.errors import PluginBroken, SignerError, UsageError
from dcmseal.plugins import guard
from dcmseal.plugins.guard import Origin
from dcmseal.plugins.key_uri import KeyUri
from dcmseal.terms import KeyType, MacAlgorithm


class SignableMessage(Protocol):
    """What a signer signs, in three views; take the one that fits the device.

    ``digest_info`` for RSA (PKCS #1 v1.5 DigestInfo), ``digest`` for ECDSA and DSA, ``chunks()`` for devices
    that insist on hashing themselves.
    """

    @property
    def algorithm(self) -> MacAlgorithm: ...
    @property
    def digest(self) -> bytes: ...
    @property
    def digest_info(self) -> bytes: ...
    def chunks(self) -> Iterator[bytes]: ...


class Signer(Protocol):
    """A key that can sign, and the certificates that go with it."""

    @property
    def certificate_chain(self) -> tuple[bytes, ...]:
        """DER certificates, the signer's own first; never empty."""
        ...

    @property
    def key_type(self) -> KeyType: ...

    def sign(self, message: SignableMessage) -> bytes:
        """Return a PKCS #1 v1.5 signature of modulus length (RSA) or DER SEQUENCE(r, s) (EC, DSA)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRequest:
    """A backend asks for a PIN or passphrase; the application answers or declines."""

    purpose: str
    """For people: what will be unlocked, e.g. ``private key signer.pem``."""
    uri: str
    """The key URI without its query, for lookup."""
    attempt: int = 1


Secrets = Callable[[SecretRequest], str | None]
"""Answers a SecretRequest; None means: no secret to be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyListing:
    """One key a backend knows of, and the URI that opens it."""

    uri: str
    label: str
    key_type: KeyType | None = None
    detail: Mapping[str, str] = field(default_factory=dict[str, str])
    problem: str = ""
    """Why the key cannot be used; empty if it can."""


class SignerBackend(Protocol):
    """Opens keys of one key URI scheme."""

    @property
    def scheme(self) -> str: ...
    @property
    def summary(self) -> str: ...

    def open(self, uri: str, secrets: Secrets) -> AbstractContextManager[Signer]:
        """Open the key; raises SignerError or one of its kinds, or UsageError for a URI it cannot read."""
        ...

    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        """Keys this backend can find by itself (none for keys in files)."""
        ...


_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{1,31}", re.ASCII)
_MAX_KEYS: Final = 10_000
_MAX_CERTIFICATES: Final = 64
_MAX_TEXT_LENGTH: Final = 10_000
_DER_SEQUENCE: Final = b"\x30"


class GuardedSignerBackend:
    """A SignerBackend that hands out GuardedSigner."""

    __slots__ = ("_backend", "_blame", "scheme", "summary")

    def __init__(self, backend: SignerBackend, origin: Origin) -> None:
        """Raise PluginBroken if ``backend`` is none."""
        with guard.Guard(f"a signer backend of {origin}", PluginBroken):
            self.scheme = guard.check_name(backend.scheme, _SCHEME, "scheme")
            self.summary = guard.check_text(backend.summary, "summary")
            guard.check_methods(backend, "open", "list_keys")
        self._backend = backend
        self._blame = f"the backend for {self.scheme}: keys of {origin}"

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        """Open a key; raises SignerError or one of its kinds, or UsageError if the key URI cannot be read."""
        key = ExitStack()
        with guard.Guard(self._blame, SignerError):
            opened = key.enter_context(self._backend.open(uri, check_secrets(secrets)))
        # The key is closed the same way however the application fared: a backend cannot swallow
        # the application's error, nor hide it behind one of its own.
        try:
            signer = GuardedSigner(opened, self._blame)
            try:
                yield signer
            finally:
                signer.close()
        except BaseException:
            with suppress(SignerError):
                self._close(key)
            raise
        self._close(key)

    def list_keys(self, uri: str = "") -> tuple[KeyListing, ...]:
        """Keys the backend can find by itself; raises SignerError or one of its kinds."""
        with guard.Guard(self._blame, SignerError):
            found = tuple(islice(self._backend.list_keys(uri), _MAX_KEYS))
            return tuple(map(self._check_listing, guard.check_tuple(found, KeyListing, "list_keys")))

    def _check_listing(self, listing: KeyListing) -> KeyListing:
        """The listing if it is made of text, with a key URI that this backend would open."""
        detail = cast("dict[object, object]", dict(listing.detail))
        for text in (listing.uri, listing.label, listing.problem, *detail, *detail.values()):
            if len(guard.check_instance(text, str, "list_keys")) > _MAX_TEXT_LENGTH:
                raise guard.InvalidAnswer(f"list_keys gave a text of more than {_MAX_TEXT_LENGTH} characters")
        if listing.key_type is not None:
            guard.check_instance(listing.key_type, KeyType, "list_keys")
        if listing.uri and KeyUri.parse(listing.uri).scheme != self.scheme:
            raise guard.InvalidAnswer("list_keys gave a key URI of another scheme")
        return listing

    def _close(self, key: ExitStack) -> None:
        with guard.Guard(self._blame, SignerError):
            key.close()


class GuardedSigner:
    """A Signer whose certificates are DER, whose signatures are bytes, and which is of no use once closed."""

    __slots__ = ("_guard", "_signer", "certificate_chain", "key_type")

    def __init__(self, signer: Signer, blame: str) -> None:
        """Raise SignerError if ``signer`` is none."""
        self._guard = guard.Guard(blame, SignerError)
        with self._guard:
            self.certificate_chain = _check_chain(signer.certificate_chain)
            self.key_type = guard.check_instance(signer.key_type, KeyType, "key_type")
            guard.check_methods(signer, "sign")
        self._signer: Signer | None = signer

    def __repr__(self) -> str:
        return f"<{'closed' if self._signer is None else 'open'} {self.key_type.value} key>"

    def sign(self, message: SignableMessage) -> bytes:
        """Sign; raises SignerError or one of its kinds."""
        signer = self._signer
        if signer is None:
            raise SignerError("the key is closed", hint="sign while the key is open")
        with self._guard:
            signature = guard.check_instance(signer.sign(message), bytes, "sign")
            if not signature:
                raise guard.InvalidAnswer("sign gave an empty signature")
            return signature

    def close(self) -> None:
        """Let go of the key."""
        self._signer = None


def _check_chain(value: object) -> tuple[bytes, ...]:
    chain = guard.check_tuple(value, bytes, "certificate_chain")
    if 1 <= len(chain) <= _MAX_CERTIFICATES and all(der.startswith(_DER_SEQUENCE) for der in chain):
        return chain
    raise guard.InvalidAnswer(f"certificate_chain is not 1 to {_MAX_CERTIFICATES} DER certificates")


def check_secrets(secrets: Callable[[SecretRequest], object]) -> Secrets:
    """What the application answers with, held to be text."""

    def answer(request: SecretRequest) -> str | None:
        secret = secrets(request)
        if secret is None or isinstance(secret, str):
            return secret
        del secret
        raise UsageError("a passphrase or PIN has to be text", hint="let secrets answer with str or None")

    return answer
