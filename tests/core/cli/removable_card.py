"""A removable card: a backend with a key in a file, and with planned failures."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dcmseal.errors import DeviceUnavailable, KeyNotFound, PinRejected, SignerError
from dcmseal.plugins.registry import Registry
from dcmseal.plugins.signer_backend import KeyListing, SecretRequest, Secrets, SignableMessage, Signer
from dcmseal_profiles import plugin as profiles
from dcmseal_software import plugin as software
from tests.core.plugins.fake_plugins import make_contributing_plugin

PIN = "739154"
PULLED = DeviceUnavailable("the card is gone", hint="put it back")


@dataclass
class Card:
    """Signs with the key of another URI, after its PIN; ``failures`` are those of the next signatures."""

    key: str
    failures: list[SignerError | None] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    """The keys of the cards that are put in instead; empty for a card without one."""
    on_close: BaseException | None = None
    absent: int = 0
    """How often it is missing when it is opened."""
    vanishes_after_pin: bool = False
    asks_each_time: bool = False
    recovers: bool = False
    """Whether an open key goes on when the card is back."""
    listed: Any = ()
    scheme: str = "card"
    summary: str = "a card for tests"
    pins: list[str | None] = field(default_factory=list)
    opened: int = 0
    is_open: bool = False

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        if self.absent:
            self.absent -= 1
            raise PULLED
        key = self.key
        if self.opened and self.others:
            key = self.others.pop(0)
        if not key:
            raise KeyNotFound("there is no such key on this card")
        self.log_in(secrets)
        self.opened += 1
        with Registry.discover().open_signer(key, lambda _: None) as signer:
            self.is_open = True
            try:
                yield CardSigner(self, signer, secrets)
            finally:
                self.is_open = False
                if self.on_close:
                    raise self.on_close

    def log_in(self, secrets: Secrets) -> None:
        pin = secrets(SecretRequest(purpose="card reading-room, 2 tries left", uri="card:"))
        self.pins.append(pin)
        if self.vanishes_after_pin:
            raise PULLED
        if pin != PIN:
            raise PinRejected("the PIN is wrong", hint="one try is left")

    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        if isinstance(self.listed, BaseException):
            raise self.listed
        return [key for key in self.listed if isinstance(key, KeyListing) and key.uri.startswith(uri)]


class CardSigner:
    def __init__(self, card: Card, signer: Signer, secrets: Secrets) -> None:
        self.certificate_chain = signer.certificate_chain
        self.key_type = signer.key_type
        self._card, self._signer, self._secrets = card, signer, secrets
        self._lost = False

    def sign(self, message: SignableMessage) -> bytes:
        failure = self._card.failures.pop(0) if self._card.failures else None
        if failure or self._lost:
            self._lost = isinstance(failure or PULLED, DeviceUnavailable) and not self._card.recovers
            raise failure or PULLED
        if self._card.asks_each_time:
            self._card.log_in(self._secrets)
        return self._signer.sign(message)


def build_registry(*cards: Card) -> Callable[[], Registry]:
    """What is installed, if there are keys in files and on these cards only."""
    plugins = Registry.from_plugins(software, profiles, make_contributing_plugin("cards", backends=cards))
    return lambda: plugins
