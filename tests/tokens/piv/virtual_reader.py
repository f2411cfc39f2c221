"""A virtual card reader of pcscd: vsmartcard's vpcd, to which cards connect by TCP.

The protocol is a length of two octets and as many octets of payload; one octet alone is a control code.
"""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import reduce
from operator import xor
from pathlib import Path
from threading import Thread
from typing import Final

from tests.tokens.piv.card import CardPulled, PivCard
from tests.tokens.programs import NotReady, run, running, wait_until

_NAME: Final = "dcmseal test reader"
_DRIVER: Final = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
_SOCKET: Final = Path("/run/pcscd/pcscd.comm")

# An ATR of T=1 whose historical bytes are those of the YubiKey 4: of the PIV cards that OpenSC tells apart, it is
# one that signs with RSA and with elliptic curves. The last octet is the exclusive or of all but the first.
_CHARACTERS: Final = bytes.fromhex("F8 13 00 00 81 31 FE 15") + b"Yubikey4"
ATR: Final = bytes([0x3B, *_CHARACTERS, reduce(xor, _CHARACTERS)])


class CardReader:
    """Room for one card; what happens is over when a method returns."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._inserted: _Inserted | None = None

    def insert(self, card: PivCard) -> None:
        """Put a card in, in place of the one that is there."""
        self.pull()
        self._inserted = _Inserted(card, self._port)
        wait_until(lambda: self._sees_card, "pcscd sees the card")

    def pull(self) -> None:
        """Take the card out, if there is one."""
        if self._inserted is not None:
            self._inserted.pull()
            self._inserted = None
        wait_until(lambda: not self._sees_card, "pcscd sees that the card is gone")

    @property
    def occupied(self) -> bool:
        """Whether there is a card in it."""
        return self._inserted is not None and self._inserted.answers

    @property
    def _sees_card(self) -> bool:
        (slot,) = (line for line in run("opensc-tool", "--list-readers").splitlines() if line.endswith("00 00"))
        return slot.split()[1] == "Yes"


class _Inserted:
    """A card that answers what the reader asks, from a thread of its own."""

    def __init__(self, card: PivCard, port: int) -> None:
        self._card = card
        self._link = socket.create_connection(("127.0.0.1", port))
        self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def answers(self) -> bool:
        return self._thread.is_alive()

    def pull(self) -> None:
        with suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _serve(self) -> None:
        with self._link, suppress(EOFError, ConnectionError, CardPulled):
            while True:
                answer = self._answer(self._receive(int.from_bytes(self._receive(2))))
                if answer:
                    self._link.sendall(len(answer).to_bytes(2) + answer)

    def _answer(self, request: bytes) -> bytes:
        match request:
            case b"\x00" | b"\x01" | b"\x02":  # power off, power on, reset
                self._card.reset()
                return b""
            case b"\x04":
                return ATR
        return self._card.transmit(request)

    def _receive(self, length: int) -> bytes:
        # vpcd sends length and payload apart; a delayed acknowledgement would hold up the second by 40 ms.
        self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        octets = b""
        while len(octets) < length:
            piece = self._link.recv(length - len(octets))
            if not piece:
                raise EOFError
            octets += piece
        return octets


@contextmanager
def reader(folder: Path) -> Generator[CardReader]:
    """Start pcscd with this reader alone; raises NotReady if there is a pcscd already, or none can be started."""
    if _answers():
        raise NotReady("pcscd runs already, and there can be one only: systemctl stop pcscd.socket pcscd.service")
    try:
        _SOCKET.parent.mkdir(exist_ok=True)
    except PermissionError:
        raise NotReady(f"{_SOCKET.parent} cannot be made: run this as root") from None
    port = _free_port()
    configuration = folder / "readers"
    configuration.mkdir(parents=True)
    (configuration / "virtual").write_text(
        f'FRIENDLYNAME "{_NAME}"\nDEVICENAME /dev/null:{port}\nLIBPATH {_DRIVER}\nCHANNELID {port}\n'
    )
    command = ("pcscd", "--foreground", "--info", "--config", configuration.resolve())
    with running(*command, log=folder / "pcscd.log", ready=_answers):
        virtual = CardReader(port)
        try:
            yield virtual
        finally:
            virtual.pull()


def _answers() -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(_SOCKET)) == 0


def _free_port() -> int:
    """A port that is free, and the next one too: vpcd has two slots."""
    while True:
        with socket.create_server(("", 0)) as first:
            port: int = first.getsockname()[1]
            with suppress(OSError), socket.create_server(("", port + 1)):
                return port
