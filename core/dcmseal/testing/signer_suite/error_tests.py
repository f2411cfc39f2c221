"""Errors: those of dcmseal with a hint, those of the application unchanged, and no others."""

from __future__ import annotations

from functools import partial

from dcmseal.errors import DatasetError, SignerError, UsageError
from dcmseal.plugins.signer_backend import Signer
from dcmseal.testing.signable_messages import UnreadableMessage
from dcmseal.testing.signer_suite.signer_test_base import SignerTestBase


class ErrorTests(SignerTestBase):
    """What goes wrong is told in dcmseal's words, and does not last."""

    def test_bad_key_uris_raise_errors_of_dcmseal(self) -> None:
        scheme = self.backend.scheme
        odd = ("?", "&", "?=", "?unheard-of=1", "?unheard-of", "%", "%00", "\ud800", ";", "x" * 5000)
        for uri in (f"{scheme}:", f"{scheme}:?", "", scheme, *(self.uri + end for end in odd)):
            error = self.catch_error(partial(self.open_and_close, uri=uri))
            assert error is None or isinstance(error, (SignerError, UsageError)), uri
            assert error is None or error.hint, uri

    def test_a_secret_in_the_key_uri_is_refused(self) -> None:
        for name in ("pin-value", "password"):
            uri = f"{self.uri}{'&' if '?' in self.uri else '?'}{name}=74021"
            error = self.catch_error(partial(self.open_and_close, uri=uri))
            assert isinstance(error, UsageError)
            assert error.hint
            assert "74021" not in f"{error} {error.hint}"

    def test_refuses_once_closed(self) -> None:
        with self.open_signer() as signer:
            pass
        error = self.catch_error(lambda: signer.sign(self.make_message(b"too late")))
        assert isinstance(error, SignerError)
        assert error.hint

    def test_an_error_of_the_application_passes_and_closes_the_key(self) -> None:
        failed = DatasetError("of the application")
        signers: list[Signer] = []

        def fail() -> None:
            with self.open_signer() as signer:
                signers.append(signer)
                raise failed

        assert self.catch_error(fail) is failed
        for signer in signers:
            assert isinstance(self.catch_error(partial(signer.sign, self.make_message(b"too late"))), SignerError)
        self.assert_opens_and_signs()

    def test_an_error_of_the_data_set_passes_and_harms_nothing(self) -> None:
        # It fails while it is read: a signature that was begun must not stay so.
        failed = DatasetError("the data set ends too early")
        with self.open_signer() as signer:
            message = UnreadableMessage(algorithm=self.make_message(b"").algorithm, error=failed)
            assert self.catch_error(lambda: signer.sign(message)) is failed
            self.assert_signs(signer)
