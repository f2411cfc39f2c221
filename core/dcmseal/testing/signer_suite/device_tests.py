"""Devices that go away: before the key is opened, while it signs, before it is closed; and that come back."""

from __future__ import annotations

from contextlib import ExitStack

from dcmseal.errors import DeviceUnavailable
from dcmseal.testing.signature_assertions import assert_verifies
from dcmseal.testing.signer_suite.signer_test_base import SignerTestBase


class DeviceTests(SignerTestBase):
    """A device that is gone is told from a key that never was, and used again when it is back."""

    def test_a_device_that_is_gone_is_not_opened(self) -> None:
        with self.without_device():
            error = self.catch_error(self.open_and_close)
        assert isinstance(error, DeviceUnavailable)
        assert error.hint
        self.assert_opens_and_signs()

    def test_a_device_that_is_gone_is_not_listed_or_says_why_not(self) -> None:
        with self.without_device():
            error = self.catch_error(lambda: tuple(self.backend.list_keys()))
        assert error is None or error.hint

    def test_a_device_that_goes_away_signs_no_more(self) -> None:
        with self.open_signer() as signer:
            self.assert_signs(signer)
            with self.without_device():
                error = self.catch_error(lambda: signer.sign(self.make_message(b"gone")))
            assert isinstance(error, DeviceUnavailable)
            assert error.hint
        self.assert_opens_and_signs()

    def test_a_device_that_is_back_signs_or_says_why_not(self) -> None:
        with self.open_signer() as signer:
            with self.without_device():
                pass
            message = self.make_message(b"back again")
            signatures: list[bytes] = []
            error = self.catch_error(lambda: signatures.append(signer.sign(message)))
            assert error is None or error.hint
            for signature in signatures:
                assert_verifies(signer, message, signature)
        self.assert_opens_and_signs()

    def test_a_key_whose_device_is_gone_can_be_closed(self) -> None:
        with ExitStack() as stack:
            signer = stack.enter_context(self.open_signer())
            with self.without_device():
                stack.close()
        assert self.catch_error(lambda: signer.sign(self.make_message(b"too late")))
        self.assert_opens_and_signs()
