"""What a plugin implements: signers, their backends, and profiles."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

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

    def count_items(self, tag: int) -> int | None:
        """How many items a sequence has, at most 1000 of them counted; None if absent or no sequence."""
        ...

    def count_lacking(self, path: tuple[int, ...], any_of: frozenset[int]) -> int:
        """How many of the items at the end of a path of sequences have an item in none of the sequences ``any_of``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementTables:
    """The tables of the standard that a profile takes its elements from: modules gain and lose attributes."""

    edition: str
    """Which edition decides, as in ``PS3.3 2024c``."""
    origins: Mapping[int, str]
    """What names an element, as in ``General Image Module``."""
    earlier: str = ""
    """An earlier edition, which others may have signed by; empty if none is known."""
    added: frozenset[int] = frozenset()
    """Elements that the earlier edition does not name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What a profile demands of a signature over one data set.

    Empty collections of algorithms, key types or purposes mean: any.
    """

    elements: frozenset[int] = frozenset()
    """Tags that must be covered if present."""
    mandatory: frozenset[int] = frozenset()
    """Tags that must be present, and covered."""
    recommended: frozenset[int] = frozenset()
    """Tags that a signature over no more than is required covers too, though none is refused without them."""
    forbidden: frozenset[int] = frozenset()
    """Tags that must not be covered."""
    mac_algorithms: frozenset[MacAlgorithm] = frozenset()
    key_types: frozenset[KeyType] = frozenset()
    key_bits: Mapping[KeyType, int] = field(default_factory=dict[KeyType, int])
    """The smallest size of a kind of key."""
    purposes: frozenset[int] = frozenset()
    purpose_required: bool = False
    default_purpose: int | None = None
    """The purpose of a new signature for which none is given."""
    timestamp_required: bool = False
    main_dataset_only: bool = False
    inapplicable: str = ""
    """Why no signature over this data set can meet the profile; empty if one can."""
    left_to_caller: str = ""
    """What the caller has to choose besides, in words: no table can name it."""
    notes: tuple[str, ...] = ()
    """Further rules, in words."""
    tables: ElementTables | None = None
    clause: str = ""

    @property
    def required_tags(self) -> frozenset[int]:
        """Tags that must be covered if present, mandatory or not."""
        return self.elements if self.mandatory <= self.elements else self.elements | self.mandatory


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFacts:
    """What a profile judges: a signature planned or found."""

    mac_algorithm: MacAlgorithm | None
    key_type: KeyType | None
    certificate_type: str
    timestamp_type: str
    """Empty if there is no certified timestamp."""
    purpose: int | None
    """Of CID 7007; OTHER_PURPOSE for a code that is not; None if no purpose is stated."""
    elements: frozenset[int]
    """Tags listed in Data Elements Signed that are present at the level."""
    key_bits: int | None = None
    """Size of the key; None if it is not known."""


OTHER_PURPOSE: Final = 0
"""Stands for all purposes that CID 7007 does not have: other codes are permitted."""


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


@runtime_checkable
class DocumentProfile(Profile, Protocol):
    """A profile with rules about all signatures of a data set together."""

    def check_all(self, dataset: ProfiledDataset, signatures: Sequence[SignatureFacts]) -> tuple[Finding, ...]:
        """Findings of aspect CONFORMANCE about the sound signatures of a level; empty if they keep the rules."""
        ...
