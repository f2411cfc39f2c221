"""What is tested: the backend and the key that the author of a plugin names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from unittest import SkipTest

from dcmseal.errors import SealError
from dcmseal.plugins.signer_backend import SecretRequest, Secrets, Signer, SignerBackend
from dcmseal.terms import MacAlgorithm
from dcmseal.testing.signable_messages import BytesMessage
from dcmseal.testing.signature_assertions import assert_verifies
from dcmseal.testing.signer_suite.disclosure import assert_not_disclosed, iter_error_texts


class SignerTestBase:
    """The attributes to set, the two methods to override, and what the tests have in common."""

    backend: SignerBackend
    uri: str
    """Opens the key; a fixture may set it."""
    secret: str | None = None
    """PIN or passphrase; None: the key opens without, and asking for one is wrong."""
    secret_for_each_signature: bool = False
    """The device wants its secret again for every signature (in PKCS #11: CKA_ALWAYS_AUTHENTICATE)."""
    wrong_secret: str = "no such secret 74021"  # noqa: S105 - wrong on purpose
    """A secret that the device reads and rejects: set one of the right form, if it has rules for that."""
    algorithms: Collection[MacAlgorithm] = tuple(MacAlgorithm)
    """Those the device can sign with; leave out what it cannot."""
    plugin_module: str = ""
    """The module that the entry point names."""

    def remove_device(self) -> None:
        """Take the device away, or the network to it: a card is pulled, a server does not answer."""
        raise SkipTest("the device cannot be taken away here: override remove_device() and return_device()")

    def return_device(self) -> None:
        """Undo ``remove_device``; called after it in any case."""

    @contextmanager
    def without_device(self) -> Generator[None]:
        self.remove_device()
        try:
            yield
        finally:
            self.return_device()

    @contextmanager
    def open_signer(self, secrets: Secrets | None = None) -> Generator[Signer]:
        with self.backend.open(self.uri, secrets or self.provide_secret) as signer:
            yield signer

    def provide_secret(self, _: SecretRequest) -> str | None:
        return self.secret

    def open_and_close(self, secrets: Secrets | None = None, uri: str | None = None) -> None:
        with self.backend.open(self.uri if uri is None else uri, secrets or self.provide_secret):
            pass

    def make_message(self, content: bytes) -> BytesMessage:
        usual = MacAlgorithm.SHA256
        algorithm = usual if usual in self.algorithms else next(iter(self.algorithms))
        return BytesMessage(algorithm=algorithm, content=content)

    def assert_signs(self, signer: Signer, content: bytes = b"content") -> None:
        message = self.make_message(content)
        assert_verifies(signer, message, signer.sign(message))

    def catch_error(self, action: Callable[[], object]) -> SealError | None:
        """The error of dcmseal that an action ends with, if it does; one of another kind is let through.

        Fails if the error discloses the secret, or the wrong one.
        """
        error = _catch_error(action)
        if error is not None:
            for secret in filter(None, (self.secret, self.wrong_secret)):
                assert_not_disclosed(secret, *iter_error_texts(error))
        return error

    def assert_opens_and_signs(self) -> None:
        with self.open_signer() as signer:
            self.assert_signs(signer)


def _catch_error(action: Callable[[], object]) -> SealError | None:
    try:
        action()
    except SealError as error:
        return error
    return None
