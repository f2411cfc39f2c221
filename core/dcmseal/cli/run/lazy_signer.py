"""A key for any number of files: opened once, on first use, and again if its device was removed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Self

from dcmseal.cli.options.secret_options import PresetSecret
from dcmseal.errors import DeviceReplaced, DeviceUnavailable, KeyNotFound, ModuleUnusable, SealError, SignerError
from dcmseal.plugins import registry
from dcmseal.plugins.signer_backend import SecretRequest, Secrets, SignableMessage, Signer
from dcmseal.terms import KeyType


class LazySigner:
    """A Signer that opens itself; ``before_prompt`` is called before prompting for a passphrase or PIN."""

    def __init__(self, uri: str, secrets: Secrets, before_prompt: Callable[[], None]) -> None:
        self._uri = uri
        self._secrets = secrets
        self._before_prompt = before_prompt
        self._resources = ExitStack()
        self._signer: Signer | None = None
        self._certificate = b""
        self._is_device_returned = False
        self._refused = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the key, ignoring errors of its device; it is opened again when needed."""
        self._signer = None
        with suppress(SignerError):
            self._resources.close()

    @property
    def certificate_chain(self) -> tuple[bytes, ...]:
        return self._open_signer().certificate_chain

    @property
    def key_type(self) -> KeyType:
        return self._open_signer().key_type

    def sign(self, message: SignableMessage) -> bytes:
        """Sign; raises SignerError."""
        signer = self._open_signer()
        try:
            signature = signer.sign(message)
        except DeviceUnavailable as error:
            if not self._is_device_returned or isinstance(error, DeviceReplaced):
                raise
            # not every signer finds its way back to its device
            self.close()
            signature = self._open_signer().sign(message)
        self._is_device_returned = False
        self._confirm_secret()
        return signature

    def allow_retry(self) -> None:
        """Try again on the next use, with the same signer or by opening the key again."""
        self._is_device_returned = True

    def is_fatal(self, error: SealError) -> bool:
        """Whether no further file can be signed after this error."""
        return self._refused or isinstance(error, SignerError)

    def is_device_missing(self, error: SealError) -> bool:
        """Whether this error may be solved by inserting the device, or the right one."""
        if isinstance(error, KeyNotFound):
            return bool(self._certificate)
        return isinstance(error, DeviceUnavailable) and not isinstance(error, ModuleUnusable)

    def _open_signer(self) -> Signer:
        if self._signer is None:
            self._refused = True
            signer = self._resources.enter_context(
                registry.installed_registry().open_signer(self._uri, self._provide_secret)
            )
            self._refused = False
            self._confirm_secret()
            self._signer = self._check_same_certificate(signer)
        return self._signer

    def _check_same_certificate(self, signer: Signer) -> Signer:
        """Return the signer if its certificate is the same as before; all files need the same signer."""
        certificate = signer.certificate_chain[0]
        if self._certificate and certificate != self._certificate:
            self.close()
            raise DeviceReplaced(
                "the key has another certificate than before", hint="insert the card or token that was used before"
            )
        self._certificate = certificate
        return signer

    def _provide_secret(self, request: SecretRequest) -> str | None:
        self._before_prompt()
        return self._secrets(request)

    def _confirm_secret(self) -> None:
        if isinstance(self._secrets, PresetSecret):
            self._secrets.confirm()
