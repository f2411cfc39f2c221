"""Signer backends that sign wrongly, or not again: each breaks the contract in a way of its own."""

from __future__ import annotations

import threading
from contextlib import suppress

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils

from dcmseal.errors import MechanismUnavailable, SealError, SignerError
from dcmseal.plugins.signer_backend import SignableMessage
from dcmseal.terms import KeyType, MacAlgorithm
from tests.core.testing.one_key import OneKey, OneSigner

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


class PaddedSignature(OneKey):
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
