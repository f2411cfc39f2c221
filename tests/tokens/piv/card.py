"""The PIV application of a smart card, as much of it as signing takes (NIST SP 800-73-4 part 2).

Two keys: 9A signs once the PIN has been given, 9C wants it before every signature (part 1 table 4b).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils

from tests.support.pki import Identity
from tests.tokens.piv.apdu import CommandApdu, StatusWord, objects, tlv

PIN: Final = "123456"
MAX_TRIES: Final = 3
AUTHENTICATION: Final = 0x9A
SIGNATURE: Final = 0x9C

_APPLICATION: Final = bytes.fromhex("A000000308000010000100")
_CERTIFICATES: Final = {AUTHENTICATION: 0x5FC105, SIGNATURE: 0x5FC10A}
_HOLDER: Final = 0x5FC102
_DISCOVERY: Final = 0x7E
_PIN_REFERENCE: Final = 0x80
_NO_AGENCY: Final = bytes.fromhex("D4E739DA739CED39CE739D836858210842108421C84210C3EB")
"""A FASC-N of agency code 9999: the GUID is what names the card (SP 800-73-4 part 1 section 3.1.2)."""
_EC_HASHES: Final = {32: hashes.SHA256(), 48: hashes.SHA384()}


class CardPulled(Exception):
    """The card leaves the reader in the middle of a command."""


class CardRefused(Exception):
    """The card answers with a status word and no data."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}")
        self.status = status


@dataclass(slots=True)
class PivCard:
    """A card with one identity in both of its keys."""

    identity: Identity
    number: int
    """Distinguishes cards: it ends the GUID."""
    tries: int = MAX_TRIES
    signatures: int = 0
    before_signing: Callable[[], None] = lambda: None
    """What happens when a signature is asked for; may raise CardPulled."""
    _verified: bool = False
    _fresh: bool = False
    """The PIN came with the command before."""
    _received: bytes = field(default=b"", repr=False)
    _unsent: bytes = field(default=b"", repr=False)

    def reset(self) -> None:
        """Power on: only stored data remains."""
        self._verified = self._fresh = False
        self._received = self._unsent = b""

    def transmit(self, apdu: bytes) -> bytes:
        """Answer a command APDU, or one of several that carry one command (command and response chaining)."""
        command = CommandApdu.parse(apdu)
        if command.instruction == 0xC0:  # GET RESPONSE
            return self._send(self._unsent, command.expected)
        self._unsent = b""
        self._received += command.data
        if command.chained:
            return StatusWord.DONE.to_bytes(2)
        data, self._received = self._received, b""
        try:
            answer = self._answer(command, data)
        except CardRefused as refusal:
            return refusal.status.to_bytes(2)
        return self._send(answer, command.expected)

    def _send(self, answer: bytes, expected: int) -> bytes:
        piece, self._unsent = answer[:expected], answer[expected:]
        left = len(self._unsent)
        status = StatusWord.MORE | (left if left < 0x100 else 0) if left else StatusWord.DONE
        return piece + status.to_bytes(2)

    def _answer(self, command: CommandApdu, data: bytes) -> bytes:
        match command.instruction:
            case 0xA4:
                return self._select(data)
            case 0xCB:
                return self._get_data(data)
            case 0x20:
                return self._verify(command, data)
            case 0x87:
                return self._authenticate(command.p2, data)
            case 0xFD:  # GET VERSION, which cards of the kind that our ATR names have
                return bytes([4, 3, 5])
        raise CardRefused(StatusWord.UNKNOWN_INSTRUCTION)

    def _select(self, name: bytes) -> bytes:
        if len(name) < 5 or not _APPLICATION.startswith(name):
            raise CardRefused(StatusWord.NOT_FOUND)
        authority = tlv(0x79, tlv(0x4F, _APPLICATION[:5]))
        return tlv(0x61, tlv(0x4F, _APPLICATION[5:]) + authority)

    def _get_data(self, query: bytes) -> bytes:
        tag = int.from_bytes(objects(query).get(0x5C, b""))
        if tag == _DISCOVERY:
            return tlv(_DISCOVERY, tlv(0x4F, _APPLICATION) + tlv(0x5F2F, b"\x40\x00"))
        if tag == _HOLDER:
            parts: tuple[tuple[int, bytes], ...] = (
                (0x30, _NO_AGENCY),
                (0x34, self.number.to_bytes(16)),
                (0x35, b"20991231"),
                (0x3E, b""),
                (0xFE, b""),
            )
        elif tag in _CERTIFICATES.values():
            parts = ((0x70, self.identity.der), (0x71, b"\x00"), (0xFE, b""))
        else:
            raise CardRefused(StatusWord.NOT_FOUND)
        return tlv(0x53, b"".join(tlv(*part) for part in parts))

    def _verify(self, command: CommandApdu, pin: bytes) -> bytes:
        if command.p2 != _PIN_REFERENCE:
            raise CardRefused(StatusWord.NO_SUCH_KEY)
        if not pin and command.p1 == 0 and self._verified:
            return b""
        self._verified = self._fresh = False
        if command.p1 == 0xFF:  # forget that the PIN was given
            return b""
        if self.tries and pin == PIN.encode().ljust(8, b"\xff"):
            self.tries = MAX_TRIES
            self._verified = self._fresh = True
            return b""
        if self.tries and pin:
            self.tries -= 1
        raise CardRefused(StatusWord.WRONG_PIN | self.tries if self.tries else StatusWord.LOCKED)

    def _authenticate(self, reference: int, template: bytes) -> bytes:
        if reference not in _CERTIFICATES:
            raise CardRefused(StatusWord.NO_SUCH_KEY)
        self.before_signing()
        allowed = self._fresh if reference == SIGNATURE else self._verified
        self._fresh = False
        if not allowed:
            raise CardRefused(StatusWord.NOT_AUTHORISED)
        challenge = objects(objects(template).get(0x7C, b"")).get(0x81, b"")
        signature = _signature(self.identity, challenge)
        self.signatures += 1
        return tlv(0x7C, tlv(0x82, signature))


def _signature(identity: Identity, message: bytes) -> bytes:
    """The operation of the private key alone: padding and hashing are the host's (SP 800-73-4 part 2 section 3.2.4)."""
    key = identity.key
    size = (key.key_size + 7) // 8
    if isinstance(key, rsa.RSAPrivateKey) and len(message) == size:
        numbers = key.private_numbers()
        value = int.from_bytes(message)
        of_p = pow(value, numbers.dmp1, numbers.p)
        of_q = pow(value, numbers.dmq1, numbers.q)
        return (of_q + numbers.q * ((of_p - of_q) * numbers.iqmp % numbers.p)).to_bytes(size)
    if isinstance(key, ec.EllipticCurvePrivateKey) and 0 < len(message) <= size:
        # Zeros before a digest do not change the number that is signed; so one hash serves digests of any length.
        return key.sign(message.rjust(size, b"\0"), ec.ECDSA(utils.Prehashed(_EC_HASHES[size])))
    raise CardRefused(StatusWord.WRONG_DATA)
