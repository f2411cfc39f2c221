"""PINs and passphrases are requested once, tried once, and never disclosed."""

# Kept apart: one subject of the contract, which would be too long for one module.

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial

from dcmseal.errors import PinRejected, UsageError
from dcmseal.plugins.signer_backend import SecretRequest
from dcmseal.testing.signer_suite.disclosure import assert_not_disclosed, iter_error_texts
from dcmseal.testing.signer_suite.signer_test_base import SignerTestBase


class SecretTests(SignerTestBase):
    """A key with a secret requests it once and accepts a refusal; a key without one never asks."""

    def test_secret_is_requested_only_if_the_key_has_one(self) -> None:
        secrets = _RecordingSecrets(self.secret)
        with self.open_signer(secrets) as signer:
            assert len(secrets.requests) == (0 if self.secret is None else 1)
            for content in (b"1", b"2", b"3"):
                self.assert_signs(signer, content)
        if not self.secret_for_each_signature:
            assert len(secrets.requests) == (0 if self.secret is None else 1)
        for request in secrets.requests:
            assert request.purpose
            assert "?" not in request.uri

    def test_wrong_secret_is_rejected_and_not_retried(self) -> None:
        # With a control character, half a character, and too long: errors before the device count, too.
        for wrong in ("", "{}", "{}\0", "{}\ud800", "\xfc{}", 400 * "{0}"):
            secret = wrong.format(self.wrong_secret)
            secrets = _RecordingSecrets(secret)
            error = self.catch_error(partial(self.open_and_close, secrets))
            if self.secret is None:
                assert error is None
                return
            assert isinstance(error, PinRejected)
            assert error.hint
            assert len(secrets.requests) == 1
            assert_not_disclosed(self.wrong_secret, *iter_error_texts(error))
            self.assert_opens_and_signs()

    def test_missing_secret_is_rejected(self) -> None:
        secrets = _RecordingSecrets(None)
        error = self.catch_error(lambda: self.open_and_close(secrets))
        if self.secret is None:
            assert error is None
            return
        assert isinstance(error, PinRejected)
        assert error.hint
        assert len(secrets.requests) == 1
        self.assert_opens_and_signs()

    def test_cancelled_prompt_aborts_opening(self) -> None:
        if self.secret is None:
            return
        for cancelled in (KeyboardInterrupt(), UsageError("standard input is not a terminal")):
            caught = self._open_with_cancelled_prompt(cancelled)
            assert caught is cancelled
            self.assert_opens_and_signs()

    def test_reprs_do_not_disclose_the_secret(self) -> None:
        context = self.backend.open(self.uri, self.provide_secret)
        with context as signer:
            shown = f"{self.backend!r} {context!r} {signer!r} {self.backend!s} {signer!s}"
        if self.secret is not None:
            assert_not_disclosed(self.secret, shown, repr(signer))

    def test_logs_output_and_errors_do_not_disclose_the_secret(self) -> None:
        with _capture_output() as lines:
            with self.open_signer() as signer:
                signer.sign(self.make_message(b"content"))
            closed = self.catch_error(lambda: signer.sign(self.make_message(b"too late")))
            rejected = self.catch_error(lambda: self.open_and_close(lambda _: self.wrong_secret))
            self.assert_opens_and_signs()
        texts = [*lines, *(text for error in (closed, rejected) if error for text in iter_error_texts(error))]
        assert_not_disclosed(self.wrong_secret, *texts)
        if self.secret is not None:
            assert_not_disclosed(self.secret, *texts)

    def _open_with_cancelled_prompt(self, error: BaseException) -> BaseException | None:
        def cancel(_: SecretRequest) -> str | None:
            raise error

        try:
            self.open_and_close(cancel)
        except BaseException as caught:  # noqa: BLE001 - the caller compares it
            return caught
        return None


class _RecordingSecrets:
    """Returns the same secret for every request, and records the requests."""

    def __init__(self, secret: str | None) -> None:
        self._secret = secret
        self.requests: list[SecretRequest] = []

    def __call__(self, request: SecretRequest) -> str | None:
        self.requests.append(request)
        return self._secret


class _CaptureHandler(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__(logging.NOTSET)
        self.messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(logging.Formatter().format(record))


@contextmanager
def _capture_output() -> Generator[list[str]]:
    """Collect everything that is logged, printed or issued as a warning."""
    lines: list[str] = []
    handler, printed, root = _CaptureHandler(lines), io.StringIO(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    try:
        with redirect_stdout(printed), redirect_stderr(printed), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        lines.append(printed.getvalue())
    lines.extend(str(warning.message) for warning in warned)
