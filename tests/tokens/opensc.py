"""OpenSC with PIV cards in a virtual reader."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from tests.support.pki import Pki
from tests.tokens.piv.card import MAX_TRIES, PIN, PivCard
from tests.tokens.piv.virtual_reader import CardReader, reader
from tests.tokens.token_device import TokenDevice, find_module, key_uri

_SLOTS: Final = {"9A": b"\x01", "9C": b"\x02"}
"""The keys of a PIV card that sign, and the CKA_ID that OpenSC gives each."""
_IDENTITIES: Final = ("rsa2048", "rsa3072", "p256", "p384")
KEYS: Final = tuple(f"{identity} {slot}" for identity in _IDENTITIES for slot in _SLOTS)
PIN_EACH_TIME: Final = frozenset(key for key in KEYS if key.endswith("9C"))
# The driver takes every card for a PIV card, and does not remember on disk what it read from one.
_CONFIGURATION: Final = "app default { card_drivers = PIV-II; framework pkcs15 { use_file_caching = no; } }\n"


@dataclass(slots=True, kw_only=True)
class Cards(TokenDevice):
    """A reader, and the card that is in it or was."""

    pki: Pki
    reader: CardReader
    card: PivCard | None = None
    _issued: Iterator[int] = field(default_factory=lambda: count(1))

    def issue(self, identity: str) -> PivCard:
        """Another card, with a serial number of its own."""
        return PivCard(self.pki[identity], number=next(self._issued))

    def present(self, key: str) -> str:
        identity, _, slot = key.partition(" ")
        if self.card is None or self.card.identity is not self.pki[identity] or not self.reader.occupied:
            self.put_in(self.issue(identity))
        self.present_card.tries = MAX_TRIES
        return key_uri(self.module, token=identity, key_id=_SLOTS[slot])

    @property
    def present_card(self) -> PivCard:
        assert self.card is not None
        return self.card

    def put_in(self, card: PivCard) -> None:
        """Put a card in, in place of the one that is there."""
        self.card = card
        self.reader.insert(card)

    def remove(self) -> None:
        self.reader.pull()

    def reinsert(self) -> None:
        self.reader.insert(self.present_card)


@contextmanager
def ready(folder: Path, pki: Pki) -> Generator[Cards]:
    """Start pcscd with the reader; raises NotReady."""
    configuration = folder / "opensc.conf"
    folder.mkdir(parents=True)
    configuration.write_text(_CONFIGURATION)
    environment = {"OPENSC_CONF": str(configuration)}
    module = find_module("opensc-pkcs11.so")
    with reader(folder / "pcscd") as virtual:
        yield Cards(module=module, label="", ids={}, environment=environment, pin=PIN, pki=pki, reader=virtual)
