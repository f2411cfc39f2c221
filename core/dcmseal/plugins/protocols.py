"""What a plugin implements: signers, their backends, and profiles."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from dcmseal.report import Finding
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


class ProfiledDataset(Protocol):
    """What a profile may look at: the elements of the level that is signed, and their values."""

    @property
    def tags(self) -> Collection[int]: ...
    @property
    def is_main(self) -> bool: ...
    def text(self, tag: int) -> str | None:
        """The value as text, less padding; None if absent, empty or no text."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What a profile demands of a signature over one data set.

    Empty collections of algorithms, key types or purposes mean: any. ``elements`` are the tags that must be
    covered if present.
    """

    elements: frozenset[int] = frozenset()
    mac_algorithms: frozenset[MacAlgorithm] = frozenset()
    key_types: frozenset[KeyType] = frozenset()
    purposes: frozenset[int] = frozenset()
    purpose_required: bool = False
    main_dataset_only: bool = False
    clause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFacts:
    """What a profile judges: a signature planned or found."""

    mac_algorithm: MacAlgorithm | None
    key_type: KeyType | None
    certificate_type: str
    timestamp_type: str
    """Empty if there is no certified timestamp."""
    purpose: int | None
    elements: frozenset[int]
    """Tags listed in Data Elements Signed that are present at the level."""


@runtime_checkable
class Profile(Protocol):
    """A Digital Signature Profile (PS3.15 6.3): pure rules, used for planning and for verification alike."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def reference(self) -> str: ...
    def requirements(self, dataset: ProfiledDataset) -> Requirements: ...
    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        """Findings of aspect CONFORMANCE; empty if the profile is met."""
        ...
