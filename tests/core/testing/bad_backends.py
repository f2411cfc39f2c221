"""Signer backends that break the contract, each in a way of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils

from dcmseal.errors import DatasetError, KeyNotFound, MechanismUnavailable, PinRejected, SealError, SignerError
from dcmseal.plugins.key_uri import KeyUri
from dcmseal.plugins.protocols import KeyListing, Secrets, SignableMessage, Signer
from dcmseal.terms import KeyType, MacAlgorithm
from tests.core.testing.one_key import PIN, OneKey, OneSigner


class ForeignError(Exception):
    """Of the vendor's library."""


# Signatures


class BareDigest(OneKey):
    def signature(self, message: SignableMessage) -> bytes:
        return self.key.sign(message.digest, padding.PKCS1v15(), utils.NoDigestInfo())


class BareRipemd160(OneKey):
    def signature(self, message: SignableMessage) -> bytes:
        if message.algorithm is MacAlgorithm.RIPEMD160:
            return self.key.sign(message.digest, padding.PKCS1v15(), utils.NoDigestInfo())
        return super().signature(message)


class Pss(OneKey):
    def signature(self, message: SignableMessage) -> bytes:
        sha1 = padding.PSS(padding.MGF1(hashes.SHA1()), 0)
        return self.key.sign(b"".join(message.chunks()), sha1, hashes.SHA256())


class HashedTwice(OneKey):
    def signature(self, message: SignableMessage) -> bytes:
        return self.key.sign(message.digest, padding.PKCS1v15(), hashes.SHA256())


class Padded(OneKey):
    def signature(self, message: SignableMessage) -> bytes:
        return super().signature(message) + b"\0"


class ShortMessagesOnly(OneKey):
    def signature(self, message: SignableMessage) -> bytes:
        if sum(map(len, message.chunks())) > 4096:
            raise SignerError("too long", hint="sign less")
        return super().signature(message)


class OneAlgorithm(OneKey):
    """Refuses the others, in proper form."""

    def signature(self, message: SignableMessage) -> bytes:
        if message.algorithm is not MacAlgorithm.SHA256:
            raise MechanismUnavailable("the device knows SHA256 only", hint="choose SHA256")
        return super().signature(message)


class StuckOnceRefused(OneAlgorithm):
    stuck = False

    def signature(self, message: SignableMessage) -> bytes:
        if self.stuck:
            raise SignerError("another signature was begun", hint="wait")
        try:
            return super().signature(message)
        except SealError:
            self.stuck = True
            raise


class OtherCertificate(OneKey):
    def opened(self) -> OneSigner:
        signer = super().opened()
        signer.certificate_chain = self.chain[1:]
        return signer


class NoChain(OneKey):
    def opened(self) -> OneSigner:
        signer = super().opened()
        signer.certificate_chain = ()
        return signer


class PaddedCertificate(OneKey):
    def opened(self) -> OneSigner:
        signer = super().opened()
        signer.certificate_chain = (self.chain[0] + b"\0",)
        return signer


class OtherKeyType(OneKey):
    def opened(self) -> OneSigner:
        signer = super().opened()
        signer.key_type = KeyType.EC
        return signer


class OpensOnce(OneKey):
    was_open = False

    def opened(self) -> OneSigner:
        if self.was_open:
            raise SignerError("it was open already", hint="start again")
        self.was_open = True
        return super().opened()


# Threads


class OneMessageAtATime(OneKey):
    """Begins a signature and ends it, and never thinks that another thread might do so in between."""

    both = threading.Barrier(2)
    begun: SignableMessage

    def signature(self, message: SignableMessage) -> bytes:
        self.begun = message
        with suppress(threading.BrokenBarrierError):
            self.both.wait(10)
        return super().signature(self.begun)


class OneOpeningAtATime(OneKey):
    both = threading.Barrier(2)
    begun = 0

    def opened(self) -> OneSigner:
        self.begun += 1
        with suppress(threading.BrokenBarrierError):
            self.both.wait(10)
        if self.begun > 1:
            raise SignerError("the session is in use", hint="wait")
        return super().opened()


class OneSession(OneKey):
    """All signers are one."""

    session: OneSigner | None = None

    def opened(self) -> OneSigner:
        self.session = self.session or super().opened()
        return self.session

    def close(self, signer: OneSigner) -> None:
        super().close(signer)
        self.session = None


# Secrets


class NeverAsks(OneKey):
    def unlock(self, secrets: Secrets) -> None:
        pass


class AsksForEachSignature(OneKey):
    def unlock(self, secrets: Secrets) -> None:
        super().unlock(secrets)
        self.secrets = secrets

    def signature(self, message: SignableMessage) -> bytes:
        super().unlock(self.secrets)
        return super().signature(message)


class TriesThreeTimes(OneKey):
    def unlock(self, secrets: Secrets) -> None:
        for _ in range(2):
            with suppress(PinRejected):
                return super().unlock(secrets)
        return super().unlock(secrets)


class EncodesCarelessly(OneKey):
    def ask(self, secrets: Secrets) -> str | None:
        answer = super().ask(secrets)
        return answer and answer.encode().decode()


class RepeatsTheWrongSecret(OneKey):
    def unlock(self, secrets: Secrets) -> None:
        answer = self.ask(secrets)
        if answer != PIN:
            raise PinRejected(f"{answer} is wrong", hint="try another")


class HidesTheWrongSecretBadly(OneKey):
    def unlock(self, secrets: Secrets) -> None:
        answer = self.ask(secrets)
        try:
            if answer != PIN:
                raise ForeignError(answer)
        except ForeignError:
            raise PinRejected("the PIN is wrong", hint="try another") from None


class LocksAtOnce(OneKey):
    is_locked = False

    def unlock(self, secrets: Secrets) -> None:
        if self.is_locked:
            raise PinRejected("locked", hint="buy another")
        self.is_locked = True
        super().unlock(secrets)
        self.is_locked = False


class RaisesItsOwn(OneKey):
    def unlock(self, secrets: Secrets) -> None:
        try:
            super().unlock(secrets)
        except PinRejected:
            raise ForeignError from None


class CatchesWhatThePromptRaises(OneKey):
    def ask(self, secrets: Secrets) -> str | None:
        try:
            return super().ask(secrets)
        except BaseException:  # noqa: BLE001 - that is what is bad about it
            return None


class Talkative(OneKey):
    def __repr__(self) -> str:
        return f"OneKey(pin={PIN})"


class Logs(OneKey):
    def ask(self, secrets: Secrets) -> str | None:
        answer = super().ask(secrets)
        logging.getLogger("vendor").debug("C_Login(%s)", answer)
        return answer


class Prints(OneKey):
    def ask(self, secrets: Secrets) -> str | None:
        answer = super().ask(secrets)
        print(f"C_Login({answer})")
        return answer


# Errors


class TakesAnyUri(OneKey):
    def find(self, uri: str) -> None:
        pass


class NoHint(OneKey):
    def find(self, uri: str) -> None:
        try:
            super().find(uri)
        except SealError as error:
            raise KeyNotFound(str(error)) from None


class ForeignUriErrors(OneKey):
    def find(self, uri: str) -> None:
        if KeyUri.parse(uri).attributes:
            raise ForeignError
        super().find(uri)


class StaysOpen(OneKey):
    def close(self, signer: OneSigner) -> None:
        pass


class SwallowsErrors(OneKey):
    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        with super().open(uri, secrets) as signer, suppress(Exception):
            yield signer


class ClosesOnSuccessOnly(OneKey):
    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        self.find(uri)
        self.unlock(secrets)
        signer = self.opened()
        yield signer
        self.close(signer)


class BlamesTheDataSetOnItself(OneKey):
    def signature(self, message: SignableMessage) -> bytes:
        try:
            return super().signature(message)
        except DatasetError:
            raise SignerError("signing failed", hint="try again") from None


class StuckOnceTheDataSetFailed(OneKey):
    begun = False

    def signature(self, message: SignableMessage) -> bytes:
        if self.begun:
            raise SignerError("another signature was begun", hint="wait")
        self.begun = True
        made = super().signature(message)
        self.begun = False
        return made


# Devices


class NeverMissesItsDevice(OneKey):
    def expect_device(self) -> None:
        pass


class KnowsNoDevice(OneKey):
    def expect_device(self) -> None:
        if not self.is_there:
            raise KeyNotFound("there is no such key", hint="make one")


class ForeignDeviceErrors(OneKey):
    def expect_device(self) -> None:
        if not self.is_there:
            raise ForeignError


class NeverTheSameAgain(OneKey):
    was_away = False

    def expect_device(self) -> None:
        self.was_away = self.was_away or not self.is_there
        if self.was_away:
            self.is_there = False
        super().expect_device()


class SignsNonsenseAfterwards(OneKey):
    was_away = False

    @property
    def is_there(self) -> bool:
        return self._is_there

    @is_there.setter
    def is_there(self, value: bool) -> None:
        self._is_there = value
        self.was_away = self.was_away or not value

    def signature(self, message: SignableMessage) -> bytes:
        return bytes(256) if self.was_away else super().signature(message)


class ListsWhatIsGone(OneKey):
    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        if not self.is_there:
            raise ForeignError
        return super().list_keys(uri)


class ClosesNeverWithoutDevice(OneKey):
    def close(self, signer: OneSigner) -> None:
        super().close(signer)
        self.expect_device()


# Plugins


class Nameless(OneKey):
    summary = ""


class ListsOthers(OneKey):
    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        return (KeyListing(uri="other:key", label="the key"),)


class ListsOthersForAUri(OneKey):
    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        return (KeyListing(uri="other:key", label="the key"),) if uri else ()
