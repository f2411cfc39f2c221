"""The attributes of the contract for signer backends, and helpers of its tests."""

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
    """The attributes to set, two methods to override, and helpers."""

    backend: SignerBackend
    uri: str
    """The URI of the key; a fixture may set it."""
    secret: str | None = None
    """PIN or passphrase; None if the key opens without one, and the backend must not request one."""
    secret_for_each_signature: bool = False
    """Whether the device requires the secret for every signature (in PKCS #11: CKA_ALWAYS_AUTHENTICATE)."""
    wrong_secret: str = "no such secret 74021"  # noqa: S105 - intentionally wrong
    """A secret that the device rejects; set one of a valid format if the device has rules for the format."""
    algorithms: Collection[MacAlgorithm] = tuple(MacAlgorithm)
    """The MAC algorithms that the device supports."""
    plugin_module: str = ""
    """The module that the entry point names."""

    def remove_device(self) -> None:
        """Disconnect the device: remove the card, or make the server unreachable."""
        raise SkipTest("the device cannot be disconnected: override remove_device() and return_device()")

    def return_device(self) -> None:
        """Undo ``remove_device``; always called after it."""

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
        """Run an action and return its error of dcmseal, if any; other exceptions pass.

        Fails if the error discloses a secret.
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
