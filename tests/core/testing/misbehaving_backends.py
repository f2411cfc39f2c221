"""Backends that sign well and behave badly: with secrets, errors, and devices that come and go."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress

from dcmseal.errors import DatasetError, KeyNotFound, PinRejected, SealError, SignerError
from dcmseal.plugins.key_uri import KeyUri
from dcmseal.plugins.signer_backend import KeyListing, Secrets, SignableMessage, Signer
from tests.core.testing.one_key import PIN, OneKey, OneSigner


class ForeignError(Exception):
    """Of the vendor's library."""


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


class KeepsTheSecretInItsFrame(OneKey):
    def unlock(self, secrets: Secrets) -> None:
        answer = self.ask(secrets)
        if answer != PIN:
            raise PinRejected("the PIN is wrong", hint="try another")


class FailsWithTheSecretInItsFrame(OneKey):
    def unlock(self, secrets: Secrets) -> None:
        answer = self.ask(secrets)
        self.log_in(answer)

    def log_in(self, pin: str | None) -> None:
        if pin != PIN:
            raise PinRejected("the PIN is wrong, or was not given", hint="try another") from None
        super().expect_device()

    def expect_device(self) -> None:
        """It is missed once the PIN was given, only."""


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
        except BaseException:  # noqa: BLE001 - the misbehaviour under test
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
